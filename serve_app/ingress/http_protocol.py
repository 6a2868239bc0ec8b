"""The HTTP protocol of ingress replicas: uvicorn's, with two changes that it has no option for.

- Trailers of a chunked body are ignored. uvicorn appends them to the headers of the request, so a client could replace
  what a proxy in front has removed or set, such as its own address.
- There is no header ``Server``. Ray Serve, which starts uvicorn, does not pass on the option for it.
"""

from typing import Any

from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def use_raylens_protocol() -> None:
    """Let all servers that this process starts from now on use :class:`HttpProtocol`."""
    HTTP_PROTOCOLS["auto"] = f"{__name__}:{HttpProtocol.__name__}"


class HttpProtocol(HttpToolsProtocol):
    """Of one connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*arguments, **options)
        self._in_headers = False
        # The first list is copied into the second every second.
        for headers in (self.config.encoded_headers, self.server_state.default_headers):
            headers[:] = [header for header in headers if header[0] != b"server"]

    def on_message_begin(self) -> None:
        self._in_headers = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_headers = False
        super().on_headers_complete()
