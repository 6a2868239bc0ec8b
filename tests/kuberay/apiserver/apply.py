"""Server-side apply: merge what a manager wants into what is there, and refuse what another one owns.

After https://kubernetes.io/docs/reference/using-api/server-side-apply/ and, for the messages, ``NewConflictError`` of
``k8s.io/apimachinery/pkg/util/managedfields``.
"""

import json
from typing import Any

from tests.kuberay.apiserver.fields import Path, below, item_step, leaves, shown
from tests.kuberay.apiserver.options import Options
from tests.kuberay.apiserver.ownership import Manager, Owners, disown, owners_of
from tests.kuberay.apiserver.refusal import Cause, Refused, apply_conflict
from tests.kuberay.apiserver.resources import Resource
from tests.kuberay.apiserver.schemas import Schema, schema_of
from tests.kuberay.apiserver.store import Manifest, copied


def applied(resource: Resource, live: Manifest | None, config: Manifest, options: Options) -> tuple[Manifest, Owners]:
    """The object that comes of it, and its owners. Raises Refused (409) on a conflict, unless told to force it."""
    schema = schema_of(resource)
    owners = owners_of(live)
    me: Manager = (options.manager, "Apply", options.subresource)
    wanted = dict(leaves(schema, config))
    present = dict(leaves(schema, live)) if live else {}
    changed = {path for path, value in wanted.items() if path not in present or present[path] != value}
    others = {manager: paths for manager, paths in owners.items() if manager != me}
    conflicts = [(manager, path) for manager, paths in others.items() for path in sorted(paths & changed)]
    if conflicts and not options.force:
        raise _conflict(resource, live or {}, conflicts)
    disown(others.values(), {path for _, path in conflicts})
    merged = _merged(schema, live, config) if live else copied(config)
    dropped = owners.get(me, set()) - wanted.keys()
    kept = set().union(*others.values()) if others else set()
    for path in sorted(dropped, key=len):
        if not _names_its_item(path) and not any(other[: len(path)] == path for other in kept):
            _remove(schema, merged, path)
    owners[me] = set(wanted)
    return merged, owners


def _names_its_item(path: Path) -> bool:
    """Whether a field is the key of an item: it goes with the item or not at all."""
    how, _, keys = path[-2].partition(":") if len(path) > 1 else ("", "", "")
    return how == "k" and path[-1].partition(":")[2] in json.loads(keys)


def _conflict(resource: Resource, live: Manifest, conflicts: list[tuple[Manager, Path]]) -> Refused:
    times = {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry.get("time", "")
        for entry in live["metadata"].get("managedFields", [])
    }
    told = {manager: _told(resource, manager, times.get(manager, "")) for manager, _ in conflicts}
    causes = [Cause("FieldManagerConflict", shown(path), f"conflict with {told[who]}") for who, path in conflicts]
    if len(conflicts) == 1:
        ((who, path),) = conflicts
        return apply_conflict(f"Apply failed with 1 conflict: conflict with {told[who]}: {shown(path)}", causes)
    lines: list[str] = []
    for who in sorted(told):
        lines += [f"conflicts with {told[who]}:", *(f"- {shown(path)}" for one, path in conflicts if one == who)]
    return apply_conflict(f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines), causes)


def _told(resource: Resource, manager: Manager, time: str) -> str:
    name, operation, subresource = manager
    text = f'"{name}"' + (f' with subresource "{subresource}"' if subresource else "")
    if operation == "Update":
        text += f" using {resource.api_version}" + (f" at {time}" if time else "")
    return text


def _merged(schema: Schema | None, live: Any, config: Any) -> Any:
    if isinstance(live, dict) and isinstance(config, dict) and not _is(schema, "map-type", "atomic"):
        merged = copied(live)
        for key, item in config.items():
            merged[key] = _merged(below(schema, key), live.get(key), item)
        return merged
    if isinstance(live, list) and isinstance(config, list):
        if _is(schema, "list-type", "map"):
            return _merged_items(schema, live, config)
        if _is(schema, "list-type", "set"):
            return [*live, *(item for item in config if item not in live)]
    return copied(config)


def _is(schema: Schema | None, what: str, value: str) -> bool:
    return bool(schema) and (schema or {}).get(f"x-kubernetes-{what}") == value


def _merged_items(schema: Schema | None, live: list[Any], config: list[Any]) -> list[Any]:
    """In the order of the one who applies; what others have keeps its place."""
    assert schema
    known = {item_step(schema, item): item for item in live}
    new = [_merged(schema["items"], known.get(item_step(schema, item), {}), item) for item in config]
    steps = {item_step(schema, item) for item in config}
    rest = iter(new)
    result = [next(rest) if step in steps else copied(item) for step, item in known.items()]
    return [*result, *rest]


def _remove(schema: Schema | None, value: Any, path: Path) -> None:
    """Take a field out, and with it the objects that are empty then."""
    if not path:
        return
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        key = step.partition(":")[2]
        if key not in value:
            return
        if rest:
            _remove(below(schema, key), value[key], rest)
        if not rest or value[key] in ({}, []):
            del value[key]
    elif isinstance(value, list):
        _remove_item(schema, value, step, rest)


def _remove_item(schema: Schema | None, items: list[Any], step: str, rest: Path) -> None:
    for item in list(items):
        if _step_of(schema, item) == step:
            if rest:
                _remove(schema and schema["items"], item, rest)
            else:
                items.remove(item)


def _step_of(schema: Schema | None, item: Any) -> str:
    if isinstance(item, dict):
        return item_step(schema, item)
    return next(iter(path[-1] for path, _ in leaves(schema, [item])), "")
