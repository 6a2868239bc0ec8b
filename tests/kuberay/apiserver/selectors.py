"""Label and field selectors, as a query string has them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.kuberay.apiserver.refusal import bad_request

Test = Callable[[Mapping[str, Any]], bool]

SET = re.compile(r"^(?P<key>[\w./-]+)\s+(?P<how>in|notin)\s*\((?P<values>[^)]*)\)$")
EQUAL = re.compile(r"^(?P<key>[\w./-]+)\s*(?P<how>==|=|!=)\s*(?P<value>[\w./-]*)$")
EXISTS = re.compile(r"^(?P<absent>!)?\s*(?P<key>[\w./-]+)$")


def by_labels(selector: str) -> Test:
    """``a=b,c!=d,e in (f,g),h,!i``. Raises Refused."""
    tests = [_of_labels(part.strip()) for part in re.split(r",(?![^()]*\))", selector) if part.strip()]
    return lambda manifest: all(test(manifest["metadata"].get("labels") or {}) for test in tests)


def _of_labels(part: str) -> Test:
    if found := SET.match(part):
        key, wanted = found["key"], found["how"] == "in"
        values = {value.strip() for value in found["values"].split(",")}
        return lambda labels: (labels.get(key) in values) == wanted
    if found := EQUAL.match(part):
        key, value, wanted = found["key"], found["value"], found["how"] != "!="
        return lambda labels: (labels.get(key) == value) == wanted
    if found := EXISTS.match(part):
        key, absent = found["key"], bool(found["absent"])
        return lambda labels: (key in labels) != absent
    raise bad_request(f"unable to parse requirement: found '{part}', expected: in, notin, =, ==, !=, gt, lt")


def by_fields(selector: str) -> Test:
    """``metadata.name=a,status.phase!=Running``. Raises Refused."""
    tests = [_of_fields(part) for part in selector.split(",") if part]
    return lambda manifest: all(test(manifest) for test in tests)


def _of_fields(part: str) -> Test:
    found = re.match(r"^(?P<path>[\w.]+)(?P<how>==|=|!=)(?P<value>.*)$", part)
    if not found:
        raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    path, value, wanted = found["path"], found["value"], found["how"] != "!="
    return lambda manifest: (_field(manifest, path) == value) == wanted


def _field(manifest: Mapping[str, Any], path: str) -> str:
    value: Any = manifest
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector object takes labels; without one it takes none."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items())
