"""Whose images travel down the graph: what logs and traces of every stage tell them by."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The request an image came with."""

    request_id: str = ""
    traceparent: str = ""
    """W3C context of the span the image's work belongs to; empty while tracing is off."""

    def log_fields(self) -> dict[str, str]:
        return {"request_id": self.request_id} if self.request_id else {}


@dataclass(frozen=True, slots=True)
class BatchContext:
    """Goes along with a batch to every stage: whose images it carries, in order."""

    origins: tuple[RequestContext, ...] = ()
    traceparent: str = ""
    """Of the batch's own trace; empty where none of its requests is traced."""

    def origin(self, index: int) -> RequestContext:
        """Of one image; a nameless one where nothing is known."""
        return self.origins[index] if self.origins else UNKNOWN

    def log_fields(self) -> dict[str, str | list[str]]:
        request_ids = list(dict.fromkeys(origin.request_id for origin in self.origins if origin.request_id))
        if len(request_ids) == 1:
            return {"request_id": request_ids[0]}
        return {"request_ids": request_ids} if request_ids else {}


UNKNOWN: Final = RequestContext()
EMPTY: Final = BatchContext()
"""Of images that came with no request, as in a warm-up."""
