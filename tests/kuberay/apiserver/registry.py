"""What the API does to objects: create, update, patch, apply."""

import secrets
from typing import Any, Final

from tests.kuberay.apiserver import refusal
from tests.kuberay.apiserver.admission import admitted, check, complete, unknown_in
from tests.kuberay.apiserver.apply import applied
from tests.kuberay.apiserver.deletion import finish
from tests.kuberay.apiserver.options import Options
from tests.kuberay.apiserver.ownership import record
from tests.kuberay.apiserver.patches import json_patched, merge_patched, strategic_patched
from tests.kuberay.apiserver.resources import Resource
from tests.kuberay.apiserver.schemas import schema_of
from tests.kuberay.apiserver.store import Manifest, Store, copied, stamp
from tests.kuberay.apiserver.target import Target

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
APPLY_CBOR_OR_JSON: Final = "application/apply-patch+json"

Outcome = tuple[Manifest, list[str]]
"""The object as it was written, and warnings for the client."""


class Registry:
    """Of one server. Every method raises Refused."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, target: Target, body: Manifest, options: Options) -> Outcome:
        resource, namespace = target.resource, target.namespace
        warnings: list[str] = []
        manifest = admitted(resource, body, options, warnings)
        self._place(resource, namespace, manifest)
        with self._store.lock:
            name = manifest["metadata"]["name"]
            if self._store.read(resource, namespace, name):
                raise refusal.already_exists(resource, name)
            if resource.namespaced and not self._store.get("Namespace", "", namespace):
                raise refusal.not_found(self._store.resources.of_kind("Namespace"), namespace)
            manifest["metadata"].pop("resourceVersion", None)
            if "status" in resource.subresources:
                manifest.pop("status", None)
            return self._written(resource, manifest, None, options), warnings

    def _place(self, resource: Resource, namespace: str, manifest: Manifest) -> None:
        metadata = manifest["metadata"]
        if prefix := metadata.get("generateName"):
            metadata.setdefault("name", prefix + secrets.token_hex(3)[:5])
        if not metadata.get("name"):
            cause = refusal.Cause(
                "FieldValueRequired", "metadata.name", "Required value: name or generateName is required"
            )
            raise refusal.invalid(resource, "", [cause])
        if not resource.namespaced:
            metadata.pop("namespace", None)
        elif metadata.setdefault("namespace", namespace) != namespace:
            raise refusal.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )

    def update(self, target: Target, body: Manifest, options: Options) -> Outcome:
        resource, namespace, name = target.resource, target.namespace, target.name
        warnings: list[str] = []
        manifest = admitted(resource, body, options, warnings)
        if (said := manifest["metadata"].get("name", name)) != name:
            said = f"the name of the object ({said}) does not match the name on the URL ({name})"
            raise refusal.bad_request(said)
        manifest["metadata"]["name"] = name
        self._place(resource, namespace, manifest)
        with self._store.lock:
            before = self._existing(target)
            self._check_version(resource, manifest, before)
            return self._replaced(resource, manifest, before, options), warnings

    def _check_version(self, resource: Resource, manifest: Manifest, before: Manifest) -> None:
        known = manifest["metadata"].get("resourceVersion")
        name = before["metadata"]["name"]
        if not known and resource.custom:
            said = "Invalid value: 0: must be specified for an update"
            raise refusal.invalid(
                resource, name, [refusal.Cause("FieldValueInvalid", "metadata.resourceVersion", said)]
            )
        self._check_preconditions(resource, manifest, before)

    def _check_preconditions(self, resource: Resource, manifest: Manifest, before: Manifest) -> None:
        name = before["metadata"]["name"]
        for field in ("uid", "resourceVersion"):
            known = manifest["metadata"].get(field) or before["metadata"][field]
            if known != before["metadata"][field]:
                if field == "resourceVersion":
                    raise refusal.modified(resource, name)
                actual = before["metadata"]["uid"]
                said = f"Precondition failed: UID in precondition: {known}, UID in object meta: {actual}"
                raise refusal.conflict(resource, name, said)

    def patch(self, target: Target, form: str, patch: Any, options: Options) -> tuple[Manifest, list[str], bool]:
        """Also gives whether the object was made, as server-side apply makes it."""
        resource = target.resource
        with self._store.lock:
            if form in {APPLY_PATCH, APPLY_CBOR_OR_JSON}:
                return self._apply(target, patch, options)
            before = self._existing(target)
            wanted = self._patched(resource, before, form, patch)
            self._check_preconditions(resource, wanted, before)
            warnings: list[str] = []
            manifest = admitted(resource, wanted, options, warnings)
            return self._replaced(resource, manifest, before, options), warnings, False

    def _patched(self, resource: Resource, before: Manifest, form: str, patch: Any) -> Manifest:
        match form:
            case "application/json-patch+json":
                return json_patched(before, patch)
            case "application/merge-patch+json":
                result: Manifest = merge_patched(before, patch)
                return result
            case "application/strategic-merge-patch+json" if not resource.custom:
                merged: Manifest = strategic_patched(before, patch, schema_of(resource))
                return merged
        raise refusal.unsupported(
            [JSON_PATCH, MERGE_PATCH, *([] if resource.custom else [STRATEGIC_PATCH]), APPLY_PATCH]
        )

    def _apply(self, target: Target, config: Manifest, options: Options) -> tuple[Manifest, list[str], bool]:
        resource, namespace, name = target.resource, target.namespace, target.name
        warnings: list[str] = []
        if not isinstance(config, dict) or not config.get("apiVersion"):
            raise refusal.bad_request('error decoding patch: Object "apiVersion" is missing')
        if (config.get("metadata") or {}).get("managedFields"):
            raise refusal.bad_request("metadata.managedFields must be nil")
        before = self._store.read(resource, namespace, name)
        if before is None and options.subresource:
            raise refusal.not_found(resource, name)
        if unknown := unknown_in(resource, config):
            raise refusal.undeclared(resource, f"{namespace}/{name}", unknown)
        wanted = admitted(resource, config, options, warnings)
        wanted["metadata"].setdefault("name", name)
        if before is None:
            self._place(resource, namespace, wanted)
            if not self._store.get("Namespace", "", namespace) and resource.namespaced:
                raise refusal.not_found(self._store.resources.of_kind("Namespace"), namespace)
        else:
            self._check_preconditions(resource, wanted, before)
        merged, owners = applied(resource, before, wanted, options)
        if before is None:
            return self._written(resource, merged, None, options, owners), warnings, True
        return self._replaced(resource, merged, before, options, owners), warnings, False

    def _existing(self, target: Target) -> Manifest:
        found = self._store.read(target.resource, target.namespace, target.name)
        if not found:
            raise refusal.not_found(target.resource, target.name)
        return found

    def _replaced(
        self, resource: Resource, manifest: Manifest, before: Manifest, options: Options, owners: Any = None
    ) -> Manifest:
        if options.subresource == "status":
            metadata = {**before["metadata"], "managedFields": manifest["metadata"].get("managedFields", [])}
            manifest = {**copied(before), "metadata": metadata, "status": manifest.get("status") or {}}
        elif "status" in resource.subresources:
            manifest.pop("status", None)
            if "status" in before:
                manifest["status"] = copied(before["status"])
        return self._written(resource, manifest, before, options, owners)

    def _written(
        self, resource: Resource, manifest: Manifest, before: Manifest | None, options: Options, owners: Any = None
    ) -> Manifest:
        stamp(resource, manifest, before)
        complete(resource, manifest)
        check(resource, manifest, before)
        stamp(resource, manifest, before)
        record(resource, manifest, before, options, owners)
        if options.dry_run:
            manifest["metadata"].setdefault("resourceVersion", before["metadata"]["resourceVersion"] if before else "")
            return manifest
        if before and _same(manifest, before):
            return before
        if resource.kind == "CustomResourceDefinition":
            self._store.resources.define(manifest)
        written = self._store.write(resource, manifest)
        finish(self._store, resource, written)
        return written


def _same(manifest: Manifest, before: Manifest) -> bool:
    return _compared(manifest) == _compared(before)


def _compared(manifest: Manifest) -> Manifest:
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "resourceVersion"}
    owners = [{k: v for k, v in entry.items() if k != "time"} for entry in metadata.pop("managedFields", [])]
    return {**manifest, "metadata": {**metadata, "managedFields": owners}}
