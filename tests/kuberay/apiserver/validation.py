"""An object held to its schema, in the words of the real server.

After ``k8s.io/apiextensions-apiserver`` (structural schemas: prune, default, validate) and ``k8s.io/apimachinery``'s
``util/validation/field`` for how faults are told.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from tests.kuberay.apiserver.refusal import Cause
from tests.kuberay.apiserver.schemas import Schema
from tests.kuberay.apiserver.store import copied

PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
EITHER: Final = "x-kubernetes-int-or-string"

GO_TYPES: Final = {"integer": "int32", "boolean": "bool", "string": "string", "number": "float64"}


def unknown_fields(schema: Schema, value: Any, path: str = "") -> Iterator[str]:
    """Paths of the fields that a schema does not have."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from unknown_fields(schema.get("items", {PRESERVE: True}), item, f"{path}[{number}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            below = _below(schema, key)
            if below is not None:
                yield from unknown_fields(below, item, inner)
            elif not schema.get(PRESERVE) and not _is_envelope(path, key):
                yield inner


def pruned(schema: Schema, value: Any, path: str = "") -> Any:
    """A copy without the fields that a schema does not have."""
    if isinstance(value, list):
        return [pruned(schema.get("items", {PRESERVE: True}), item, "[]") for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        below = _below(schema, key)
        if below is not None:
            kept[key] = pruned(below, item, f"{path}.{key}")
        elif schema.get(PRESERVE) or _is_envelope(path, key):
            kept[key] = copied(item)
    return kept


def _is_envelope(path: str, key: str) -> bool:
    return not path and key in {"apiVersion", "kind", "metadata"}


def _below(schema: Schema, key: str) -> Schema | None:
    properties = schema.get("properties", {})
    if key in properties:
        found: Schema = properties[key]
        return found
    more = schema.get("additionalProperties")
    return more if isinstance(more, dict) else ({PRESERVE: True} if more else None)


def default(schema: Schema, value: Any) -> None:
    """Set what is missing and has a default, in place."""
    if isinstance(value, list):
        for item in value:
            default(schema.get("items", {}), item)
    elif isinstance(value, dict):
        properties = schema.get("properties", {})
        if type(properties) is dict:
            for key, below in properties.items():
                if "default" in below and key not in value:
                    value[key] = copied(below["default"])
        for key, item in value.items():
            if below := _below(schema, key):
                default(below, item)


def mismatch(schema: Schema, value: Any, path: str = "") -> str | None:
    """What Go's decoder says of a value of another type, of Kubernetes' own kinds; None where it can be read."""
    if value is None or schema.get(PRESERVE) or schema.get(EITHER):
        return None
    wanted = schema.get("type")
    if wanted == "object" and isinstance(value, dict):
        found = (mismatch(_below(schema, key) or {}, item, f"{path}.{key}") for key, item in value.items())
        return next(filter(None, found), None)
    if wanted == "array" and isinstance(value, list):
        return next(filter(None, (mismatch(schema["items"], item, path) for item in value)), None)
    if wanted is None or _is(wanted, value):
        return None
    return f"json: cannot unmarshal {_json_type(value)} into Go struct field {path.lstrip('.')} of type {_go(wanted)}"


def _go(wanted: str) -> str:
    return GO_TYPES.get(wanted, wanted)


def _is(wanted: str, value: Any) -> bool:
    kinds: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    if wanted == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if wanted == "integer" and isinstance(value, bool):
        return False
    return isinstance(value, kinds[wanted])


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    names: dict[type, str] = {dict: "object", list: "array", str: "string"}
    return names.get(type(value), "number")


def faults(schema: Schema, value: Any, path: str = "") -> Iterator[Cause]:
    """What is wrong with a custom object."""
    if value is None and schema.get("nullable"):
        return
    wanted = schema.get("type")
    if schema.get(EITHER):
        if isinstance(value, bool) or not isinstance(value, int | str):
            yield _wrong_type(path, value, "integer,string")
            return
    elif wanted and not _is(wanted, value):
        yield _wrong_type(path, value, wanted)
        return
    yield from _of_scalar(schema, value, path)
    if isinstance(value, dict):
        yield from _of_object(schema, value, path)
    elif isinstance(value, list):
        yield from _of_list(schema, value, path)


def _wrong_type(path: str, value: Any, wanted: str) -> Cause:
    found = "null" if value is None else _json_type(value).replace("bool", "boolean")
    if found == "number" and isinstance(value, int):
        found = "integer"
    return Cause(
        "FieldValueTypeInvalid", path, f'Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"'
    )


def _of_object(schema: Schema, value: dict[str, Any], path: str) -> Iterator[Cause]:
    for name in schema.get("required", []):
        if name not in value:
            yield Cause("FieldValueRequired", f"{path}.{name}".lstrip("."), "Required value")
    for key, item in value.items():
        inner = f"{path}.{key}" if "properties" in schema else f"{path}[{key}]"
        if (below := _below(schema, key)) and not (not path and key == "metadata"):
            yield from faults(below, item, inner.lstrip("."))


def _of_list(schema: Schema, value: list[Any], path: str) -> Iterator[Cause]:
    if len(value) > schema.get("maxItems", len(value)):
        yield Cause("FieldValueTooMany", path, f"Too many: {len(value)}: must have at most {schema['maxItems']} items")
    seen = []
    for number, item in enumerate(value):
        yield from faults(schema.get("items", {}), item, f"{path}[{number}]")
        if (key := _key(schema, item)) in seen and key is not None:
            yield Cause("FieldValueDuplicate", f"{path}[{number}]", f"Duplicate value: {json.dumps(key)}")
        seen.append(key)


def _key(schema: Schema, item: Any) -> Any:
    how = schema.get("x-kubernetes-list-type")
    if how == "map" and isinstance(item, dict):
        return {name: item.get(name) for name in schema["x-kubernetes-list-map-keys"]}
    return item if how == "set" else None


def _of_scalar(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    shown = json.dumps(value)
    if "enum" in schema and value not in schema["enum"]:
        known = ", ".join(json.dumps(item) for item in schema["enum"])
        yield Cause("FieldValueNotSupported", path, f"Unsupported value: {shown}: supported values: {known}")
    if isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value):
            said = f"Invalid value: {shown}: {path} in body should match '{schema['pattern']}'"
            yield Cause("FieldValueInvalid", path, said)
        if len(value) > schema.get("maxLength", len(value)):
            yield Cause("FieldValueTooLong", path, f"Too long: may not be more than {schema['maxLength']} bytes")
        if len(value) < schema.get("minLength", 0):
            said = f"Invalid value: {shown}: {path} in body should be at least {schema['minLength']} chars long"
            yield Cause("FieldValueInvalid", path, said)
    elif isinstance(value, int | float):
        yield from _of_number(schema, value, path)


def _of_number(schema: Schema, value: float, path: str) -> Iterator[Cause]:
    if value < schema.get("minimum", value):
        said = f"Invalid value: {value}: {path} in body should be greater than or equal to {schema['minimum']}"
        yield Cause("FieldValueInvalid", path, said)
    if value > schema.get("maximum", value):
        said = f"Invalid value: {value}: {path} in body should be less than or equal to {schema['maximum']}"
        yield Cause("FieldValueInvalid", path, said)


def broken_rules(schema: Schema, value: Any, before: Any, path: str = "") -> Iterator[Cause]:
    """Rules of ``x-kubernetes-validations``: those two forms that KubeRay's definitions have."""
    for rule in schema.get("x-kubernetes-validations", []):
        if not _holds(rule["rule"], value, before):
            kind = json.dumps(value) if not isinstance(value, dict | list) else f'"{_json_type(value)}"'
            yield Cause("FieldValueInvalid", path, f"Invalid value: {kind}: {rule.get('message', rule['rule'])}")
    if isinstance(value, dict):
        for key, item in value.items():
            if below := _below(schema, key):
                old = before.get(key) if isinstance(before, dict) else None
                yield from broken_rules(below, item, old, f"{path}.{key}".lstrip("."))


def _holds(rule: str, value: Any, before: Any) -> bool:
    if rule == "self == oldSelf":
        return before is None or value == before
    if found := re.match(r"^self in \[(.*)\]$", rule):
        return value in [item.strip().strip("'") for item in found[1].split(",")]
    raise NotImplementedError(f"a rule that is not known here: {rule}")
