"""Decodes Kubernetes' protobuf: typed clients (Helm, kubectl) send some bodies in it, and accept JSON responses.

Field numbers are those of ``generated.proto`` of k8s.io/api and k8s.io/apimachinery.
"""

import base64
from collections.abc import Iterator
from typing import Any, Final

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
MAGIC: Final = b"k8s\x00"

Message = dict[int, tuple[str, Any]]
"""Field number → JSON name and type: "text", "bytes", a map ``{text}`` or ``{bytes}``, or a message."""

METADATA: Final[Message] = {
    1: ("name", "text"),
    3: ("namespace", "text"),
    5: ("uid", "text"),
    6: ("resourceVersion", "text"),
    11: ("labels", "{text}"),
    12: ("annotations", "{text}"),
}
KINDS: Final[dict[str, Message]] = {
    "Secret": {1: ("metadata", METADATA), 2: ("data", "{bytes}"), 3: ("type", "text")},
    "Namespace": {1: ("metadata", METADATA)},
    "DeleteOptions": {4: ("propagationPolicy", "text")},
}


def decode(content: bytes) -> dict[str, Any]:
    """The object in an envelope. Raises KeyError for other kinds."""
    envelope = dict(_fields(content.removeprefix(MAGIC)))
    head = _message(envelope[1], {1: ("apiVersion", "text"), 2: ("kind", "text")})
    return {**head, **_message(envelope.get(2, b""), KINDS[head["kind"]])}


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    position = 0
    while position < len(content):
        tag, position = _varint(content, position)
        value, position = _varint(content, position)
        if tag & 7 == 2:  # the value is a length
            yield tag >> 3, content[position : position + value]
            position += value
        else:
            yield tag >> 3, value


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
        name, kind = message.get(number, ("", ""))
        if isinstance(kind, dict):
            result[name] = _message(value, kind)
        elif kind.startswith("{"):
            pair = dict(_fields(value))
            result.setdefault(name, {})[pair.get(1, b"").decode()] = _scalar(pair.get(2, b""), kind[1:-1])
        elif name and value:
            result[name] = _scalar(value, kind)
    return result


def _scalar(value: bytes, kind: str) -> str:
    return base64.b64encode(value).decode() if kind == "bytes" else value.decode()
