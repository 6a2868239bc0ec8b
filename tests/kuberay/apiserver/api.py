"""A request, answered: from the path to what is done."""

from threading import Event
from typing import Any

from tests.kuberay.apiserver import discovery, openapi, scale, tables
from tests.kuberay.apiserver.access import Access
from tests.kuberay.apiserver.deletion import delete
from tests.kuberay.apiserver.logs import Logs
from tests.kuberay.apiserver.options import Options
from tests.kuberay.apiserver.reading import Selection, get_list, watch
from tests.kuberay.apiserver.refusal import bad_request, method_not_allowed, not_found
from tests.kuberay.apiserver.registry import APPLY_PATCH, Registry
from tests.kuberay.apiserver.request import Reply, Request
from tests.kuberay.apiserver.resources import VIRTUAL
from tests.kuberay.apiserver.store import Manifest, Store
from tests.kuberay.apiserver.target import Target, target

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Api:
    """All that can be asked of a server."""

    def __init__(self, store: Store, access: Access, logs: Logs, closing: Event) -> None:
        self._store = store
        self._access = access
        self._logs = logs
        self._closing = closing
        self._registry = Registry(store)

    def answer(self, request: Request) -> Reply:
        """Raises Refused."""
        if reply := openapi.answer(request, self._store.resources):
            return reply
        if request.method == "GET" and (reply := discovery.answer(request, self._store.resources)):
            return reply
        found = target(self._store.resources, request.path)
        self._access.check(_verb(request, found), found)
        if found.resource.group in VIRTUAL:
            return Reply(self._access.answer(found.resource, request.body or {}), 201)
        if request.method == "GET":
            return self._read(request, found)
        return self._write(request, found)

    def _read(self, request: Request, found: Target) -> Reply:
        if request.query.get("watch") in {"1", "true"}:
            return watch(self._store, found, request, self._closing)
        if not found.name:
            return Reply(get_list(self._store, found, request))
        if found.subresource == "log":
            return self._logs.reply(found, request.query, self._closing)
        manifest = self._store.read(found.resource, found.namespace, found.name)
        if manifest is None:
            raise not_found(found.resource, found.name)
        if found.subresource == "scale":
            return Reply(scale.shown(manifest))
        if tables.wanted(request.headers.get("Accept", "")):
            metadata = {"resourceVersion": manifest["metadata"]["resourceVersion"]}
            return Reply(tables.table(found.resource, [manifest], metadata))
        return Reply(manifest)

    def _write(self, request: Request, found: Target) -> Reply:
        body = request.body
        options = Options.of(request.query, request.agent, found.subresource, body)
        match request.method:
            case "POST" if not found.name:
                manifest, warnings = self._registry.create(found, body, options)
                return _told(manifest, warnings, 201)
            case "PUT" | "PATCH" if found.name and found.subresource == "scale":
                return Reply(self._scaled(request, found, options))
            case "PUT" if found.name:
                manifest, warnings = self._registry.update(found, body, options)
                return _told(manifest, warnings)
            case "PATCH" if found.name:
                return self._patch(request, found, options)
            case "DELETE":
                return self._delete(found, request, options)
        raise method_not_allowed()

    def _patch(self, request: Request, found: Target, options: Options) -> Reply:
        if request.form == APPLY_PATCH and not request.query.get("fieldManager"):
            raise bad_request(
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
            )
        manifest, warnings, made = self._registry.patch(found, request.form, request.body, options)
        return _told(manifest, warnings, 201 if made else 200)

    def _scaled(self, request: Request, found: Target, options: Options) -> Manifest:
        with self._store.lock:
            manifest = self._store.read(found.resource, found.namespace, found.name)
            if manifest is None:
                raise not_found(found.resource, found.name)
            replicas = scale.wanted(manifest, request.method, request.form, request.body)
            patch: Any = {"spec": {"replicas": replicas}}
            manifest, _, _ = self._registry.patch(found, "application/merge-patch+json", patch, options)
            return scale.shown(manifest)

    def _delete(self, found: Target, request: Request, options: Options) -> Reply:
        body = request.body if isinstance(request.body, dict) else {}
        preconditions = body.get("preconditions") or {}
        if found.name:
            return Reply(delete(self._store, found, options, preconditions))
        gone = get_list(self._store, found, request)
        selection = Selection(found, request.query)
        for item in self._store.read_all(found.resource, found.namespace):
            if selection.has(item):
                metadata = item["metadata"]
                delete(self._store, Target(found.resource, metadata.get("namespace", ""), metadata["name"]), options)
        return Reply(gone)


def _verb(request: Request, found: Target) -> str:
    if request.method != "GET":
        return "deletecollection" if request.method == "DELETE" and not found.name else VERBS.get(request.method, "")
    if request.query.get("watch") in {"1", "true"}:
        return "watch"
    return "get" if found.name else "list"


def _told(manifest: Manifest, warnings: list[str], code: int = 200) -> Reply:
    return Reply(
        manifest, code, {"Warning": ", ".join(f'299 - "{_quoted(text)}"' for text in warnings)} if warnings else {}
    )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
