"""JSON patch (RFC 6902), JSON merge patch (RFC 7386) and Kubernetes' strategic merge patch."""

from typing import Any

from tests.kuberay.apiserver.refusal import Refused, bad_request
from tests.kuberay.apiserver.schemas import Schema
from tests.kuberay.apiserver.store import Manifest, copied


def merge_patched(value: Any, patch: Any) -> Any:
    """A value with a JSON merge patch: null removes, lists are replaced."""
    if not isinstance(patch, dict):
        return copied(patch)
    result = dict(value) if isinstance(value, dict) else {}
    for key, item in patch.items():
        if item is None:
            result.pop(key, None)
        else:
            result[key] = merge_patched(result.get(key), item)
    return result


def json_patched(document: Manifest, operations: list[dict[str, Any]]) -> Manifest:
    """A document with a JSON patch. Raises Refused: 400 for what is no patch, 422 for one that does not fit."""
    result: Any = copied(document)
    for operation in operations:
        try:
            result = _operated(result, operation)
        except (KeyError, IndexError, TypeError, ValueError) as fault:
            raise _unfit(operation) from fault
    if not isinstance(result, dict):
        raise bad_request("json: cannot unmarshal array into Go value of type map[string]interface {}")
    return result


def _unfit(operation: dict[str, Any]) -> Refused:
    said = (
        f'{operation.get("op")} operation does not apply: doc is missing path: "{operation.get("path")}": missing value'
    )
    return Refused(422, "Invalid", f"the server rejected our request due to an error in our request: {said}")


def _operated(document: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _added(document, path, operation["value"])
        case "remove":
            return _removed(document, path)[0]
        case "replace":
            _at(document, path)
            return _added(_removed(document, path)[0], path, operation["value"]) if path else operation["value"]
        case "test":
            if _at(document, path) != operation["value"]:
                raise ValueError(path)
            return document
        case "copy":
            return _added(document, path, copied(_at(document, _pointer(operation["from"]))))
        case "move":
            rest, value = _removed(document, _pointer(operation["from"]))
            return _added(rest, path, value)
    raise bad_request(f"Unexpected kind: {operation['op']}")


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _added(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return copied(value)
    parent = _at(document, path[:-1])
    if isinstance(parent, list):
        position = len(parent) if path[-1] == "-" else int(path[-1])
        if not 0 <= position <= len(parent):
            raise IndexError(position)
        parent.insert(position, copied(value))
    else:
        parent[path[-1]] = copied(value)
    return document


def _removed(document: Any, path: list[str]) -> tuple[Any, Any]:
    parent = _at(document, path[:-1])
    return document, parent.pop(int(path[-1]) if isinstance(parent, list) else path[-1])


def strategic_patched(value: Any, patch: Any, schema: Schema | None) -> Any:
    """A value with a strategic merge patch: lists with a merge key are merged item by item, others replaced."""
    if not isinstance(patch, dict):
        return copied(patch)
    if patch.get("$patch") == "replace":
        return {key: copied(item) for key, item in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result = dict(value) if isinstance(value, dict) else {}
    for key in patch.get("$retainKeys", []) and set(result) - set(patch["$retainKeys"]):
        del result[key]
    for key, item in patch.items():
        _patch_field(result, key, item, _below(schema, key), patch)
    return result


def _patch_field(result: Manifest, key: str, item: Any, schema: Schema | None, patch: Manifest) -> None:
    if key.startswith("$deleteFromPrimitiveList/"):
        name = key.partition("/")[2]
        result[name] = [entry for entry in result.get(name, []) if entry not in item]
    elif key.startswith("$"):
        return
    elif item is None:
        result.pop(key, None)
    elif isinstance(item, list):
        result[key] = _patched_list(result.get(key) or [], item, schema, patch.get(f"$setElementOrder/{key}"))
    else:
        result[key] = strategic_patched(result.get(key), item, schema)


def _patched_list(value: list[Any], patch: list[Any], schema: Schema | None, order: list[Any] | None) -> list[Any]:
    how = (schema or {}).get("x-kubernetes-list-type")
    if how == "set":
        merged = [*value, *(item for item in patch if item not in value)]
        return _ordered(merged, order, lambda item: item)
    if how != "map" or any(item.get("$patch") == "replace" and len(item) == 1 for item in patch):
        return [copied(item) for item in patch if item != {"$patch": "replace"}]
    key = schema["x-kubernetes-list-map-keys"][0] if schema else ""
    merged = list(value)
    for item in patch:
        position = next((number for number, old in enumerate(merged) if old.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            merged = [old for old in merged if old.get(key) != item.get(key)]
        elif position is None:
            merged.append(strategic_patched({}, item, schema and schema["items"]))
        else:
            merged[position] = strategic_patched(merged[position], item, schema and schema["items"])
    return _ordered(merged, order, lambda item: item.get(key) if isinstance(item, dict) else item)


def _ordered(items: list[Any], order: list[Any] | None, key: Any) -> list[Any]:
    if order is None:
        return items
    places = {key(item): number for number, item in enumerate(order)}
    return sorted(items, key=lambda item: places.get(key(item), len(places)))


def _below(schema: Schema | None, key: str) -> Schema | None:
    if not schema:
        return None
    found: Schema | None = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
    return found
