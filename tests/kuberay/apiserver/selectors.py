"""Label and field selectors of query strings, as far as the tests' clients use them."""

import re
from typing import Any

from tests.kuberay.apiserver.store import Manifest


def selects(query: dict[str, str], manifest: Manifest) -> bool:
    labels = manifest["metadata"].get("labels") or {}
    return all(_matches(part, labels.get) for part in _parts(query, "labelSelector")) and all(
        _matches(part, lambda path: _field(manifest, path)) for part in _parts(query, "fieldSelector")
    )


def _parts(query: dict[str, str], name: str) -> list[str]:
    return [part for part in re.split(r",(?![^()]*\))", query.get(name, "")) if part]


def _matches(part: str, value_of: Any) -> bool:
    found = re.fullmatch(r"([\w./-]+)(!=|==|=)([\w./-]*)", part)
    if not found:
        raise NotImplementedError(f"selector {part}")
    key, operator, value = found.groups()
    return bool((value_of(key) == value) == (operator != "!="))


def _field(manifest: Manifest, path: str) -> str:
    value: Any = manifest
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return "" if value is None else str(value)
