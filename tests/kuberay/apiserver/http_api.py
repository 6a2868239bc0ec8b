"""Requests, responses and errors of the API."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.kuberay.apiserver import protobuf
from tests.kuberay.apiserver.kinds import Kind


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes

    @cached_property
    def path(self) -> str:
        return urlsplit(self.url).path.rstrip("/")

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "application/json").partition(";")[0].strip()

    @cached_property
    def body(self) -> Any:
        if self.media_type == protobuf.MEDIA_TYPE:
            return protobuf.decode(self.content)
        return yaml.load(self.content, yaml.CSafeLoader)


@dataclass(frozen=True)
class Response:
    body: Any = None
    code: int = 200
    media_type: str = "application/json"
    stream: Iterator[bytes] | None = None
    """Sent in parts, in place of a body."""

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, separators=(",", ":")).encode()


class ApiError(Exception):
    """``details`` name the object."""

    def __init__(self, code: int, reason: str, message: str, **details: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details

    def response(self) -> Response:
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(self)}
        return Response({**status, "reason": self.reason, "code": self.code, "details": self.details}, self.code)


def not_found(kind: Kind, name: str) -> ApiError:
    message = f'{kind.qualified} "{name}" not found'
    return ApiError(404, "NotFound", message, name=name, group=kind.group, kind=kind.plural)


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")
