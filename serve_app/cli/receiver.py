"""Waits on this machine for the browser to come back from the OAuth server (RFC 8252, 7.3)."""

import asyncio
import contextlib
import hmac
from http import HTTPStatus
from types import TracebackType
from typing import Final
from urllib.parse import parse_qs, urlsplit

from serve_app.cli.authorization_server import Refused

PATH: Final = "/callback"
MOST_BYTES: Final = 16 * 1024
"""Of a request up to the end of its headers."""
REQUEST_TIMEOUT_S: Final = 10.0

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} – Raylens</title>
<style>
:root {{ color-scheme: light dark; --back: #f4f6f8; --card: #fff; --text: #1b1f24 }}
@media (prefers-color-scheme: dark) {{ :root {{ --back: #14171a; --card: #1f2428; --text: #e8ebee }} }}
body {{ margin: 0; padding: 8vh 1rem; background: var(--back); color: var(--text) }}
body {{ font: 1rem/1.5 system-ui, sans-serif }}
main {{ max-width: 22rem; margin: auto; padding: 1.5rem; border-radius: .75rem; background: var(--card) }}
h1 {{ margin: 0; font-size: 1.5rem }}
</style>
<main><h1>{title}</h1><p>{text}</p></main>
</html>
"""


GO_ON = "You can close this window and go on in the terminal."


class NotTheAnswer(Exception):
    """It belongs to no sign-in, or to another one. The message says so."""


def answer_in(address: str, *, state: str, issuer: str) -> str | Refused:
    """The authorization code in the address the browser was sent to, or the server's refusal.

    Raises NotTheAnswer for one of another sign-in (RFC 6749, 10.12) or of another server (RFC 9207).
    """
    try:
        query = urlsplit(address.encode(errors="replace").decode()).query
        parameters = parse_qs(query, strict_parsing=True, max_num_fields=20)
    except ValueError:
        raise NotTheAnswer("There is no answer to a sign-in in this address.") from None
    values = {name: found[0] for name, found in parameters.items() if len(found) == 1}
    if not hmac.compare_digest(values.get("state", "").encode(), state.encode()):
        raise NotTheAnswer("This is the answer to another sign-in.")
    if values.get("iss") != issuer:
        raise NotTheAnswer("This answer comes from another server.")
    if "error" in values:
        return Refused(values["error"], values.get("error_description", ""))
    if "code" not in values:
        raise NotTheAnswer("There is no code in this address.")
    return values["code"]


class Receiver:
    """An HTTP server on a free port of 127.0.0.1, for one answer. Whatever else comes is turned away."""

    def __init__(self, *, state: str, issuer: str) -> None:
        self._state = state
        self._issuer = issuer
        self._answer: asyncio.Future[str | Refused] = asyncio.get_running_loop().create_future()
        self._server: asyncio.Server | None = None

    @property
    def redirect_uri(self) -> str:
        assert self._server is not None, "not listening"  # noqa: S101
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{PATH}"

    async def code(self) -> str:
        """Wait for it, however long. Raises Refused."""
        answer = await self._answer
        if isinstance(answer, Refused):
            raise answer
        return answer

    def take(self, address: str) -> None:
        """An address that came another way than through the browser. Raises NotTheAnswer."""
        self._settle(answer_in(address, state=self._state, issuer=self._issuer))

    async def __aenter__(self) -> "Receiver":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MOST_BYTES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            self._server.close()  # without waiting: browsers keep spare connections open on which nothing comes

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with (
            contextlib.closing(writer),
            contextlib.suppress(OSError, EOFError, TimeoutError, asyncio.LimitOverrunError),
        ):
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                page, answer = self._judge(head)
                writer.write(page)
                await writer.drain()
            if answer is not None:
                self._settle(answer)  # only now: with the answer this process may go on to its end

    def _judge(self, head: bytes) -> tuple[bytes, str | Refused | None]:
        """The page for a request, and the answer it brings."""
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        target = rest.partition(" ")[0]
        if method != "GET" or target.partition("?")[0] != PATH:
            return page(HTTPStatus.NOT_FOUND, "Nothing here", "This address only ends a sign-in."), None
        try:
            answer = answer_in(target, state=self._state, issuer=self._issuer)
        except NotTheAnswer as error:
            return page(HTTPStatus.BAD_REQUEST, "Not this one", f"{error} Run raylens login again."), None
        if isinstance(answer, Refused):
            return page(HTTPStatus.OK, "Not signed in", f"Nothing was allowed. {GO_ON}"), answer
        return page(HTTPStatus.OK, "Thank you", GO_ON), answer

    def _settle(self, answer: str | Refused) -> None:
        if not self._answer.done():
            self._answer.set_result(answer)


def page(status: HTTPStatus, title: str, text: str) -> bytes:
    """A whole HTTP response. Nothing of the request is in it."""
    body = PAGE.format(title=title, text=text).encode()
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
