"""What the OAuth server is asked and what it answers, free of the framework that carries it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.audit import RequestSource

LARGEST_FORM: Final = 64 << 10
MOST_PARAMETERS: Final = 100
FORM: Final = "application/x-www-form-urlencoded"
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON document, or with a ``Location`` the way on."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=lambda: NO_STORE)

    @property
    def location(self) -> str | None:
        return self.headers.get("Location")

    def response(self) -> Response:
        if self.location:
            return Response(status_code=self.status, headers={**NO_STORE, **self.headers})
        return JSONResponse(dict(self.body), self.status, dict(self.headers))


class Refused(Exception):
    """The answer is known before all was looked at."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.body.get("error", reply.status)))
        self.reply = reply


def refusal(error: str, description: str, status: int = 400) -> Refused:
    return Refused(Reply(status, {"error": error, "error_description": description}))


@dataclass(frozen=True, slots=True)
class Message:
    """A request. Its address begins as people know it, whatever proxies made of it on the way."""

    method: str
    uri: str
    parameters: Mapping[str, str]
    """One without a value counts as left out."""
    repeated: frozenset[str]
    """Parameters that came more than once, which none may."""
    authorization: str | None
    source: RequestSource

    @property
    def query(self) -> str:
        """The parameters, as an address has them."""
        return urlencode(self.parameters)


def message_of(
    encoded: bytes, method: str, uri: str, *, authorization: str | None = None, source: RequestSource
) -> Message:
    """From parameters as forms and addresses write them. Raises Refused where they cannot be read."""
    pairs = pairs_of(encoded)
    counts = Counter(name for name, _ in pairs)
    return Message(
        method=method,
        uri=uri,
        parameters=dict(pair for pair in pairs if pair[1]),
        repeated=frozenset(name for name, count in counts.items() if count > 1),
        authorization=authorization,
        source=source,
    )


async def form_of(request: Request, uri: str, source: RequestSource) -> Message:
    """What is asked in a form. Raises Refused for anything else, and for a parameter in the address."""
    if request.scope["query_string"]:
        raise refusal("invalid_request", "Parameters belong in the body, not in the address.")
    authorization = request.headers.get("authorization")
    body = await form_body(request)
    message = message_of(body, request.method, uri, authorization=authorization, source=source)
    if message.repeated:
        raise refusal("invalid_request", "A parameter came more than once.")
    return message


async def form_body(request: Request) -> bytes:
    """Raises Refused for what is no form, or too large."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise refusal("invalid_request", f"The body has to be {FORM}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise refusal("invalid_request", "The body is too large.", status=413)
    return bytes(body)


def pairs_of(encoded: bytes) -> list[tuple[str, str]]:
    """The parameters, in order. Raises Refused for what is not UTF-8, or too many."""
    try:
        text = encoded.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise refusal("invalid_request", "The parameters cannot be read.") from None
