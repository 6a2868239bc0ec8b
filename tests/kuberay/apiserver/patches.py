"""JSON patch (RFC 6902), JSON merge patch (RFC 7386), and server-side apply without conflicts."""

from typing import Any

from tests.kuberay.apiserver.http_api import ApiError
from tests.kuberay.apiserver.store import Manifest, copied


def merge_patched(value: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copied(patch)
    result = dict(value) if isinstance(value, dict) else {}
    for key, item in patch.items():
        if key.startswith("$"):
            raise NotImplementedError(f"{key} of a strategic merge patch")
        if item is None:
            result.pop(key, None)
        else:
            result[key] = merge_patched(result.get(key), item)
    return result


def json_patched(document: Manifest, operations: list[dict[str, Any]]) -> Manifest:
    """With ``add`` for objects, ``replace`` and ``test``. Raises ApiError (422) where a patch does not apply."""
    result: Manifest = copied(document)
    for operation in operations:
        *parents, last = operation["path"].split("/")[1:]
        try:
            value: Any = result
            for step in parents:
                value = value[int(step) if isinstance(value, list) else step]
            if operation["op"] == "test" and value[last] != operation["value"]:
                raise KeyError(last)
        except (LookupError, ValueError) as error:
            raise ApiError(422, "Invalid", f"the patch does not apply: {operation}") from error
        value[last] = operation["value"]
    return result


def applied(live: Any, previous: Any, config: Any) -> Any:
    """Fields of the previous configuration that the new one lacks are removed; those of other clients stay."""
    if not isinstance(config, dict):
        return copied(config)
    result = dict(live) if isinstance(live, dict) else {}
    before = previous if isinstance(previous, dict) else {}
    for key in before.keys() - config.keys():
        result.pop(key, None)
    return result | {key: applied(result.get(key), before.get(key), item) for key, item in config.items()}
