"""Deletion: finalizers, propagation, and what becomes of the objects that another one owned."""

from collections.abc import Mapping
from typing import Any, Final

from tests.kuberay.apiserver import refusal
from tests.kuberay.apiserver.options import Options
from tests.kuberay.apiserver.resources import Resource
from tests.kuberay.apiserver.store import Manifest, Store, now
from tests.kuberay.apiserver.target import Target

FOREGROUND: Final = "foregroundDeletion"
ORPHANING: Final = {"Job"}
"""Kinds whose pods stay by default, as they did in the first versions of their API."""


def delete(store: Store, target: Target, options: Options, preconditions: Mapping[str, Any] | None = None) -> Manifest:
    """The reply: the object where it waits for finalizers, else a Status. Raises Refused."""
    resource, namespace, name = target.resource, target.namespace, target.name
    with store.lock:
        found = store.read(resource, namespace, name)
        if found is None:
            raise refusal.not_found(resource, name)
        for field, wanted in (preconditions or {}).items():
            if wanted != found["metadata"].get(field):
                raise refusal.conflict(resource, name, f"Precondition failed: {field} in precondition: {wanted}")
        if options.dry_run:
            return _success(resource, found)
        policy = options.propagation or ("Orphan" if resource.kind in ORPHANING else "Background")
        if policy == "Orphan":
            _orphan(store, found)
        finalizers = found["metadata"].get("finalizers", [])
        if policy == "Foreground" and FOREGROUND not in finalizers and _dependents(store, found):
            finalizers = [*finalizers, FOREGROUND]
        if not finalizers:
            _remove(store, resource, found)
            return _success(resource, found)
        marked = _marked(store, resource, found, finalizers)
        finish(store, resource, marked)
        return store.read(resource, namespace, name) or _success(resource, found)


def _marked(store: Store, resource: Resource, found: Manifest, finalizers: list[str]) -> Manifest:
    metadata = found["metadata"]
    if "deletionTimestamp" in metadata:
        return found
    metadata |= {"finalizers": finalizers, "deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
    if "generation" in metadata:
        metadata["generation"] += 1
    return store.write(resource, found)


def finish(store: Store, resource: Resource, manifest: Manifest) -> None:
    """Go on with the deletion of an object that was marked for it, where nothing is in the way any more."""
    metadata = manifest["metadata"]
    if "deletionTimestamp" not in metadata:
        return
    finalizers = metadata.get("finalizers", [])
    if FOREGROUND in finalizers:
        for below, dependent in _dependents(store, manifest):
            _delete_owned(store, below, dependent)
        if not _dependents(store, manifest):
            metadata["finalizers"] = finalizers = [item for item in finalizers if item != FOREGROUND]
            if finalizers:
                store.write(resource, manifest)
    if not finalizers:
        _remove(store, resource, manifest)


def _remove(store: Store, resource: Resource, manifest: Manifest) -> None:
    metadata = manifest["metadata"]
    store.remove(resource, metadata.get("namespace", ""), metadata["name"])
    if resource.kind == "Namespace":
        for below, item in store.within(metadata["name"]):
            store.remove(below, metadata["name"], item["metadata"]["name"])
    if resource.kind == "CustomResourceDefinition":
        spec = manifest["spec"]
        for item in store.list(spec["names"]["kind"]):
            store.remove(
                store.resources.of_kind(item["kind"]), item["metadata"].get("namespace", ""), item["metadata"]["name"]
            )
        store.resources.forget(spec["group"], spec["names"]["plural"])
    collect(store, manifest)


def collect(store: Store, gone: Manifest) -> None:
    """Delete what an object owned that is gone, unless another owner is there."""
    for resource, dependent in _dependents(store, gone):
        uid = gone["metadata"]["uid"]
        others = [owner for owner in dependent["metadata"]["ownerReferences"] if owner["uid"] != uid]
        if others:
            dependent["metadata"]["ownerReferences"] = others
            store.write(resource, dependent)
        else:
            _delete_owned(store, resource, dependent)
    for owner in gone["metadata"].get("ownerReferences", []):
        above = store.resources.of_kind(owner["kind"], owner["apiVersion"])
        if waiting := store.read(above, gone["metadata"].get("namespace", ""), owner["name"]):
            finish(store, above, waiting)


def _delete_owned(store: Store, resource: Resource, manifest: Manifest) -> None:
    metadata = manifest["metadata"]
    if "deletionTimestamp" not in metadata:
        target = Target(resource, metadata.get("namespace", ""), metadata["name"])
        delete(store, target, Options(propagation="Background"))


def _orphan(store: Store, owner: Manifest) -> None:
    uid = owner["metadata"]["uid"]
    for resource, dependent in _dependents(store, owner):
        rest = [item for item in dependent["metadata"]["ownerReferences"] if item["uid"] != uid]
        dependent["metadata"]["ownerReferences"] = rest
        store.write(resource, dependent)


def _dependents(store: Store, owner: Manifest) -> list[tuple[Resource, Manifest]]:
    return store.owned_by(owner["metadata"]["uid"])


def _success(resource: Resource, gone: Manifest) -> Manifest:
    details = {"name": gone["metadata"]["name"], "group": resource.group, "kind": resource.plural}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in {**details, "uid": gone["metadata"]["uid"]}.items() if value},
    }
