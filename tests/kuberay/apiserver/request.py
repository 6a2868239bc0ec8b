"""A request as the API sees it, and its reply."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.kuberay.apiserver import protobuf
from tests.kuberay.apiserver.refusal import bad_request


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @cached_property
    def path(self) -> str:
        return urlsplit(self.url).path.rstrip("/") or "/"

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def form(self) -> str:
        """The body's media type."""
        return self.headers.get("Content-Type", "application/json").partition(";")[0].strip()

    @property
    def agent(self) -> str:
        return self.headers.get("User-Agent", "")

    @cached_property
    def body(self) -> Any:
        """JSON, YAML or protobuf. Raises Refused."""
        if not self.content:
            return None
        try:
            if self.form == protobuf.MEDIA_TYPE:
                return protobuf.decoded(self.content)
            if self.form.endswith("yaml"):
                return yaml.load(self.content, yaml.CSafeLoader)
            return json.loads(self.content)
        except (ValueError, yaml.YAMLError) as fault:
            raise bad_request(f"error decoding the body: {fault}") from fault


@dataclass(frozen=True)
class Reply:
    body: Any = None
    code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    stream: Iterator[bytes] | None = None
    """Parts that are sent as they come, instead of a body."""

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, separators=(",", ":")).encode()
