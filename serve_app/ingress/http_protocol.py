"""The HTTP protocol of ingress replicas: uvicorn's, with three changes that it has no option for.

- Trailers of a chunked body are ignored. uvicorn appends them to the headers of the request, so a client could replace
  what a proxy in front has removed or set, such as its own address.
- The rest of a body that arrives after the response is discarded only for a while.
- There is no header ``Server``. Ray Serve, which starts uvicorn, does not pass on the option for it.
"""

from typing import Any, Final

from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

DISCARD_S: Final = 5.0
"""How long the rest of a body is discarded after the response."""


def use_raylens_protocol() -> None:
    """Let all servers that this process starts from now on use :class:`HttpProtocol`."""
    HTTP_PROTOCOLS["auto"] = f"{__name__}:{HttpProtocol.__name__}"


class HttpProtocol(HttpToolsProtocol):
    """Of one connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*arguments, **options)
        self._discards_until: float | None = None
        # The first list is copied into the second every second.
        for headers in (self.config.encoded_headers, self.server_state.default_headers):
            headers[:] = [header for header in headers if header[0] != b"server"]

    def data_received(self, data: bytes) -> None:
        if self._discards_until is not None and self.loop.time() > self._discards_until:
            self.transport.close()
        else:
            super().data_received(data)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.headers = []  # for trailers; the request keeps the first list

    def on_message_complete(self) -> None:
        self._discards_until = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:  # the client has not sent all of this request
            self._discards_until = self.loop.time() + DISCARD_S
