"""Kubernetes' protobuf, read: typed clients (Helm 4, kubectl) send some bodies in it, and take replies in JSON.

Field numbers are those of ``generated.proto`` of k8s.io/api and k8s.io/apimachinery.
"""

import base64
import datetime
from collections.abc import Iterator
from typing import Any, Final

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
MAGIC: Final = b"k8s\x00"

Message = dict[int, tuple[str, Any]]
"""Field number → JSON name, and how to read it: a scalar's name, ``[…]`` of it, ``{…}`` a map to it, or a message."""

TIME: Final = "time"
OWNER: Final[Message] = {
    1: ("kind", "text"),
    3: ("name", "text"),
    4: ("uid", "text"),
    5: ("apiVersion", "text"),
    6: ("controller", "bool"),
    7: ("blockOwnerDeletion", "bool"),
}
METADATA: Final[Message] = {
    1: ("name", "text"),
    2: ("generateName", "text"),
    3: ("namespace", "text"),
    5: ("uid", "text"),
    6: ("resourceVersion", "text"),
    7: ("generation", "int"),
    8: ("creationTimestamp", TIME),
    11: ("labels", "{text}"),
    12: ("annotations", "{text}"),
    13: ("ownerReferences", [OWNER]),
    14: ("finalizers", "[text]"),
}
ATTRIBUTES: Final[Message] = {
    1: ("namespace", "text"),
    2: ("verb", "text"),
    3: ("group", "text"),
    4: ("version", "text"),
    5: ("resource", "text"),
    6: ("subresource", "text"),
    7: ("name", "text"),
}
KINDS: Final[dict[str, Message]] = {
    "Secret": {
        1: ("metadata", METADATA),
        2: ("data", "{bytes}"),
        3: ("type", "text"),
        4: ("stringData", "{text}"),
        5: ("immutable", "bool"),
    },
    "ConfigMap": {1: ("metadata", METADATA), 2: ("data", "{text}"), 3: ("binaryData", "{bytes}")},
    "Namespace": {1: ("metadata", METADATA)},
    "DeleteOptions": {
        1: ("gracePeriodSeconds", "int"),
        2: ("preconditions", {1: ("uid", "text"), 2: ("resourceVersion", "text")}),
        3: ("orphanDependents", "bool"),
        4: ("propagationPolicy", "text"),
        5: ("dryRun", "[text]"),
    },
    "SelfSubjectReview": {1: ("metadata", METADATA)},
    "SelfSubjectAccessReview": {
        1: ("metadata", METADATA),
        2: ("spec", {1: ("resourceAttributes", ATTRIBUTES), 2: ("nonResourceAttributes", {1: ("path", "text")})}),
    },
    "SelfSubjectRulesReview": {1: ("metadata", METADATA), 2: ("spec", {1: ("namespace", "text")})},
}


def decoded(content: bytes) -> dict[str, Any]:
    """The object in an envelope. Raises ValueError for what is no protobuf or of a kind that is not known here."""
    if not content.startswith(MAGIC):
        raise ValueError("no Kubernetes protobuf")
    envelope = dict(_fields(content[len(MAGIC) :]))
    kind_of = {1: ("apiVersion", "text"), 2: ("kind", "text")}
    head = _message(envelope[1], kind_of)
    if head["kind"] not in KINDS:
        raise ValueError(f"protobuf of a {head['kind']} is not read here")
    return {**head, **_message(envelope.get(2, b""), KINDS[head["kind"]])}


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    position = 0
    while position < len(content):
        tag, position = _varint(content, position)
        if tag & 7 == 2:
            length, position = _varint(content, position)
            yield tag >> 3, content[position : position + length]
            position += length
        elif tag & 7 == 0:
            value, position = _varint(content, position)
            yield tag >> 3, value
        else:
            raise ValueError(f"wire type {tag & 7}")


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position


def _message(content: bytes, message: Message) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for number, value in _fields(content):
        if number not in message:
            continue
        name, how = message[number]
        if isinstance(how, list):
            result.setdefault(name, []).append(_message(value, how[0]))
        elif isinstance(how, dict):
            result[name] = _message(value, how)
        elif how.startswith("["):
            result.setdefault(name, []).append(_scalar(value, how[1:-1]))
        elif how.startswith("{"):
            pair = dict(_fields(value))
            result.setdefault(name, {})[pair.get(1, b"").decode()] = _scalar(pair.get(2, b""), how[1:-1])
        elif (scalar := _scalar(value, how)) not in ("", None):
            result[name] = scalar
    return result


def _scalar(value: Any, how: str) -> Any:
    match how:
        case "bool":
            return bool(value)
        case "int":
            return value
        case "bytes":
            return base64.b64encode(value).decode()
        case "time":
            seconds = dict(_fields(value)).get(1, 0)
            return (
                datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                if seconds
                else None
            )
    return value.decode()
