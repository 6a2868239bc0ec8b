"""The requests that images belong to, which logs and traces of every stage name."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The request that an image came with."""

    request_id: str = ""
    traceparent: str = ""
    """W3C trace context of the span of the image; empty while tracing is off."""

    def log_fields(self) -> dict[str, str]:
        return {"request_id": self.request_id} if self.request_id else {}


@dataclass(frozen=True, slots=True)
class BatchContext:
    """The requests of the images of a batch, in order. Every stage receives it with the batch."""

    requests: tuple[RequestContext, ...] = ()
    traceparent: str = ""
    """W3C trace context of the batch; empty if none of its requests is traced."""

    def request(self, index: int) -> RequestContext:
        """The request of one image."""
        return self.requests[index] if self.requests else UNKNOWN_REQUEST

    def log_fields(self) -> dict[str, str | list[str]]:
        request_ids = list(dict.fromkeys(request.request_id for request in self.requests if request.request_id))
        if len(request_ids) == 1:
            return {"request_id": request_ids[0]}
        return {"request_ids": request_ids} if request_ids else {}


UNKNOWN_REQUEST: Final = RequestContext()
EMPTY: Final = BatchContext()
"""The context of images without requests, as in a warm-up."""
