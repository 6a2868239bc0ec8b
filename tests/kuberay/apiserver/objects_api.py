"""Requests for objects: read, write, patch, delete, watch."""

import base64
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

from tests.kuberay.apiserver.deletion import delete, remove
from tests.kuberay.apiserver.http_api import ApiError, Request, Response, no_such_path, not_found
from tests.kuberay.apiserver.kinds import Kind, Kinds
from tests.kuberay.apiserver.logs import Logs
from tests.kuberay.apiserver.patches import applied, json_patched, merge_patched
from tests.kuberay.apiserver.selectors import selects
from tests.kuberay.apiserver.store import Manifest, Store, copied
from tests.kuberay.apiserver.watching import watch

_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_MERGE_PATCHES: Final = {"application/merge-patch+json", "application/strategic-merge-patch+json"}


@dataclass(frozen=True)
class Target:
    """What a path names: a list, an object, or a subresource."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @classmethod
    def of(cls, path: str, kinds: Kinds) -> "Target":
        parts = path.strip("/").split("/")
        start = 2 if parts[0] == "api" else 3
        api_version, rest, namespace = "/".join(parts[1:start]), parts[start:], ""
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        kind = kinds.at(api_version, rest[0]) if rest else None
        if kind is None:
            raise no_such_path()
        return cls(kind, namespace, *rest[1:3])


class ObjectsApi:
    """``denied`` holds pairs of a verb and a plural that are forbidden."""

    def __init__(self, store: Store, logs: Logs, closing: Event) -> None:
        self.denied: set[tuple[str, str]] = set()
        self._store = store
        self._logs = logs
        self._closing = closing
        self._applied: dict[str, Manifest] = {}

    def respond(self, request: Request) -> Response:
        target = Target.of(request.path, self._store.kinds)
        if target.kind.name == "SelfSubjectAccessReview":
            return Response({**request.body, "status": {"allowed": self._is_allowed(request.body)}}, 201)
        verb = _VERBS.get(request.method) or ("get" if target.name else "list")
        if (verb, target.kind.plural) in self.denied:
            message = f'{target.kind.qualified} is forbidden: User "raylens" cannot {verb} resource'
            raise ApiError(403, "Forbidden", message, kind=target.kind.plural)
        if request.method == "GET":
            return self._read(target, request.query)
        with self._store.lock:
            return self._write(target, request)

    def _is_allowed(self, review: Manifest) -> bool:
        attributes = review["spec"]["resourceAttributes"]
        return (attributes["verb"], attributes["resource"]) not in self.denied

    def _read(self, target: Target, query: dict[str, str]) -> Response:
        kind = target.kind
        if query.get("watch") in {"1", "true"}:
            return Response(stream=watch(self._store, kind, target.namespace, query, self._closing))
        if not target.name:
            with self._store.lock:
                metadata = {"resourceVersion": str(self._store.revision)}
                items = self._store.list(kind.name, target.namespace, lambda item: selects(query, item))
            named = {"kind": f"{kind.name}List", "apiVersion": kind.api_version}
            return Response({**named, "metadata": metadata, "items": items})
        manifest = self._existing(target)
        if target.subresource == "log":
            return self._logs.response(manifest, query, self._closing)
        return Response(manifest)

    def _existing(self, target: Target) -> Manifest:
        manifest = self._store.get(target.kind.name, target.namespace, target.name)
        if manifest is None:
            raise not_found(target.kind, target.name)
        return manifest

    def _write(self, target: Target, request: Request) -> Response:
        body = request.body
        match request.method, request.media_type:
            case "POST", _:
                return Response(self._create(target, body), 201)
            case "PUT", _:
                return Response(self._replace(self._existing(target), body))
            case "PATCH", "application/json-patch+json":
                before = self._existing(target)
                return Response(self._replace(before, json_patched(before, body)))
            case "PATCH", media_type if media_type in _MERGE_PATCHES:
                before = self._existing(target)
                return Response(self._replace(before, merge_patched(before, body)))
            case "PATCH", "application/apply-patch+yaml":
                return self._apply(target, body)
            case "DELETE", _:
                manifest = self._existing(target)
                delete(self._store, manifest)
                return Response(self._store.get(target.kind.name, target.namespace, target.name) or manifest)
        raise NotImplementedError(f"{request.method} {request.media_type}")

    def _create(self, target: Target, body: Manifest) -> Manifest:
        kind, namespace, name = target.kind, target.namespace, body["metadata"]["name"]
        if kind.namespaced and not self._store.get("Namespace", "", namespace):
            raise not_found(self._store.kinds.named("Namespace"), namespace)
        if self._store.get(kind.name, namespace, name):
            raise ApiError(409, "AlreadyExists", f'{kind.qualified} "{name}" already exists', name=name)
        manifest = {"apiVersion": kind.api_version, "kind": kind.name, **copied(body)}
        manifest["metadata"]["namespace"] = namespace
        return self._store.put(_with_defaults(manifest))

    def _apply(self, target: Target, config: Manifest) -> Response:
        before = self._store.get(target.kind.name, target.namespace, target.name)
        if before is None:
            written = self._create(target, config)
        else:
            uid = before["metadata"]["uid"]
            written = self._replace(before, applied(before, self._applied.get(uid), config))
        self._applied[written["metadata"]["uid"]] = copied(config)
        return Response(written, 200 if before else 201)

    def _replace(self, before: Manifest, manifest: Manifest) -> Manifest:
        """The status stays. An object that is being deleted goes with its last finalizer."""
        new = {**manifest, "apiVersion": before["apiVersion"], "kind": before["kind"]}
        new["metadata"] = {**manifest["metadata"], "namespace": before["metadata"]["namespace"]}
        new |= {"status": before["status"]} if "status" in before else {}
        written = self._store.put(_with_defaults(new))
        if "deletionTimestamp" in written["metadata"] and not written["metadata"].get("finalizers"):
            remove(self._store, written)
        return written


def _with_defaults(manifest: Manifest) -> Manifest:
    """What the server adds, as far as clients or controllers here need it."""
    if manifest["kind"] == "Secret":
        plain: dict[str, Any] = manifest.pop("stringData", None) or {}
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        manifest["data"] = {**(manifest.get("data") or {}), **encoded}
    if manifest["kind"] == "Job":
        labels = {"batch.kubernetes.io/job-name": manifest["metadata"]["name"]}
        template = manifest["spec"]["template"].setdefault("metadata", {})
        template["labels"] = {**(template.get("labels") or {}), **labels}
        manifest["spec"].setdefault("selector", {"matchLabels": labels})
    return manifest
