"""Who owns which fields: ``metadata.managedFields``."""

from collections.abc import Iterable
from typing import Any

from tests.kuberay.apiserver.fields import Path, leaves, read, written
from tests.kuberay.apiserver.options import Options
from tests.kuberay.apiserver.resources import Resource
from tests.kuberay.apiserver.schemas import schema_of
from tests.kuberay.apiserver.store import Manifest, now

Manager = tuple[str, str, str]
"""Name, operation (Apply or Update), subresource."""

Owners = dict[Manager, set[Path]]


def owners_of(manifest: Manifest | None) -> Owners:
    """What an object says of itself."""
    entries = ((manifest or {}).get("metadata", {}).get("managedFields")) or []
    return {_manager(entry): set(read(entry["fieldsV1"])) for entry in entries if "fieldsV1" in entry}


def _manager(entry: Manifest) -> Manager:
    return entry["manager"], entry["operation"], entry.get("subresource", "")


def record(
    resource: Resource, manifest: Manifest, before: Manifest | None, options: Options, owners: Owners | None
) -> None:
    """Write down who owns what after a write; ``owners`` where server-side apply has told it already."""
    said = manifest["metadata"].get("managedFields")
    reset = said == [{}]
    base = [] if reset else (said or (before or {"metadata": {}})["metadata"].get("managedFields") or [])
    base = [entry for entry in base if entry]
    if owners is None:
        owners = owners_of({"metadata": {"managedFields": base}})
        if not reset:
            _take(owners, resource, manifest, before, options)
    known = {_manager(entry): entry for entry in base}
    manifest["metadata"]["managedFields"] = [
        _entry(resource, manager, paths, known.get(manager)) for manager, paths in owners.items() if paths
    ]


def _take(owners: Owners, resource: Resource, manifest: Manifest, before: Manifest | None, options: Options) -> None:
    """Whoever changes a field by an update owns it alone."""
    schema = schema_of(resource)
    new = dict(leaves(schema, manifest))
    old = dict(leaves(schema, before)) if before else {}
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    disown(owners.values(), changed | (old.keys() - new.keys()))
    if changed:
        owners.setdefault((options.manager, "Update", options.subresource), set()).update(changed)


def disown(sets: Iterable[set[Path]], paths: set[Path]) -> None:
    for owned in sets:
        owned.difference_update(paths)


def _entry(resource: Resource, manager: Manager, paths: set[Path], known: Manifest | None) -> Manifest:
    name, operation, subresource = manager
    if known and set(read(known["fieldsV1"])) == paths and "time" in known:
        return known
    entry: dict[str, Any] = {
        "manager": name,
        "operation": operation,
        "apiVersion": resource.api_version,
        "time": now(),
        "fieldsType": "FieldsV1",
        "fieldsV1": written(paths),
    }
    return {**entry, "subresource": subresource} if subresource else entry
