"""Sets of fields, as ``metadata.managedFields`` has them; after sigs.k8s.io/structured-merge-diff."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from tests.kuberay.apiserver.schemas import ANYTHING, Schema
from tests.kuberay.apiserver.store import Manifest

Path = tuple[str, ...]
"""Steps: ``f:name`` of an object, ``k:{…}`` of a list by its key, ``v:…`` of a set."""

PRESENT: Final = object()
"""The value of an item of a list by key: that it is there."""

TRACKED_METADATA: Final = {"labels", "annotations", "finalizers", "ownerReferences"}


def leaves(schema: Schema | None, value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field that has an owner of its own, with its value."""
    if isinstance(value, dict) and not (schema and schema.get("x-kubernetes-map-type") == "atomic"):
        if not value and path:
            yield path, {}
        for key, item in value.items():
            if _tracked(path, key):
                yield from leaves(below(schema, key), item, (*path, f"f:{key}"))
        return
    how = (schema or {}).get("x-kubernetes-list-type")
    if isinstance(value, list) and how == "map":
        for item in value:
            step = (*path, item_step(schema, item))
            yield step, PRESENT
            yield from leaves(schema and schema["items"], item, step)
    elif isinstance(value, list) and how == "set":
        yield from (((*path, f"v:{json.dumps(item)}"), item) for item in value)
    else:
        yield path, value


def _tracked(path: Path, key: str) -> bool:
    if not path:
        return key not in {"apiVersion", "kind"}
    return path != ("f:metadata",) or key in TRACKED_METADATA


def below(schema: Schema | None, key: str) -> Schema | None:
    """The schema of a field; None where anything goes."""
    if not schema:
        return None
    properties = schema.get("properties", {})
    if key in properties:
        found: Schema = properties[key]
        return found
    more = schema.get("additionalProperties")
    return more if isinstance(more, dict) else ANYTHING


def item_step(schema: Schema | None, item: Manifest) -> str:
    """The step that leads to an item of a list by key."""
    assert schema
    fields = schema["items"].get("properties", {})
    keys = {name: item.get(name, fields[name].get("default")) for name in schema["x-kubernetes-list-map-keys"]}
    return "k:" + json.dumps({name: value for name, value in keys.items() if value is not None}, separators=(",", ":"))


def written(paths: Iterable[Path]) -> Manifest:
    """``fieldsV1`` of a set of fields."""
    tree: Manifest = {}
    members = set(paths)
    for path in sorted(members):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    for path in members:
        node = tree
        for step in path:
            node = node[step]
        if node and path:
            node["."] = {}
    return tree


def read(tree: Manifest, path: Path = ()) -> Iterator[Path]:
    """The set of fields that ``fieldsV1`` tells."""
    if not tree and path:
        yield path
    for step, under in tree.items():
        if step == ".":
            yield path
        else:
            yield from read(under, (*path, step))


def shown(path: Path) -> str:
    """As messages have it: ``.spec.containers[name="a"].image``."""
    text = ""
    for step in path:
        how, _, what = step.partition(":")
        if how == "f":
            text += f".{what}"
        elif how == "k":
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(what).items()) + "]"
        else:
            text += f"[={what}]"
    return text
