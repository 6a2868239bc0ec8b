"""Loopback HTTP server that receives the OAuth redirect from the browser (RFC 8252, 7.3)."""

import hmac
import queue
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final
from urllib.parse import parse_qs, urlsplit

from serve_app.cli.authorization_client import OAuthRejected

_PATH: Final = "/callback"
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = """<!doctype html>
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
_CLOSE: Final = "You can close this window and return to the terminal."


class InvalidCallback(Exception):
    """An address that does not answer this sign-in. The message gives the reason."""


def parse_callback(address: str, *, state: str, issuer: str) -> str | OAuthRejected:
    """The authorization code in a redirect address, or the server's error.

    Raises InvalidCallback for the redirect of another sign-in (RFC 6749, 10.12) or another server (RFC 9207).
    """
    try:
        query = urlsplit(address.encode(errors="replace").decode()).query
        parameters = parse_qs(query, strict_parsing=True, max_num_fields=20)
    except ValueError:
        raise InvalidCallback("This address contains no sign-in response.") from None
    values = {name: found[0] for name, found in parameters.items() if len(found) == 1}
    if not hmac.compare_digest(values.get("state", "").encode(), state.encode()):
        raise InvalidCallback("This response belongs to another sign-in.")
    if values.get("iss") != issuer:
        raise InvalidCallback("This response comes from another server.")
    if "error" in values:
        return OAuthRejected(values["error"], values.get("error_description", ""))
    if "code" not in values:
        raise InvalidCallback("This address contains no code.")
    return values["code"]


class CallbackServer(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1 for one sign-in response; the first valid response counts."""

    daemon_threads = True  # browsers open spare connections and send nothing on them

    def __init__(self, *, state: str, issuer: str) -> None:
        super().__init__(("127.0.0.1", 0), _CallbackHandler)
        self._state = state
        self._issuer = issuer
        self._responses: queue.SimpleQueue[str | OAuthRejected] = queue.SimpleQueue()
        self._first = threading.Lock()

    @property
    def redirect_uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{_PATH}"

    def wait_for_code(self, timeout_s: float) -> str:
        """The authorization code. Raises OAuthRejected, or TimeoutError after ``timeout_s`` seconds."""
        try:
            response = self._responses.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(response, OAuthRejected):
            raise response
        return response

    def parse(self, address: str) -> str | OAuthRejected:
        """The response in a redirect address. Raises InvalidCallback."""
        return parse_callback(address, state=self._state, issuer=self._issuer)

    def claim(self) -> bool:
        """Whether a valid response is the first; only that one may be accepted."""
        return self._first.acquire(blocking=False)

    def accept(self, response: str | OAuthRejected) -> None:
        """Take a response of the browser, or of an address that the user pasted."""
        self._responses.put(response)

    def __enter__(self) -> "CallbackServer":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore connections that the browser closes."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _CallbackHandler(BaseHTTPRequestHandler):
    server: CallbackServer
    timeout = 10.0
    error_content_type = _HEADERS["Content-Type"]
    error_message_format = _PAGE.format(title="Bad request", text="This address only completes a sign-in.")

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != _PATH:
            self._send_page(HTTPStatus.NOT_FOUND, "Not found", "This address only completes a sign-in.")
            return
        try:
            response = self.server.parse(self.path)
        except InvalidCallback as error:
            self._send_page(HTTPStatus.BAD_REQUEST, "Sign-in failed", f"{error} Run raylens login again.")
            return
        if not self.server.claim():
            self._send_page(HTTPStatus.CONFLICT, "Already complete", f"This sign-in is already complete. {_CLOSE}")
            return
        if isinstance(response, OAuthRejected):
            self._send_page(HTTPStatus.OK, "Not signed in", f"Access was denied. {_CLOSE}")
        else:
            self._send_page(HTTPStatus.OK, "Signed in", _CLOSE)
        self.server.accept(response)  # last: once it has the response, the process may exit

    def _send_page(self, status: HTTPStatus, title: str, text: str) -> None:
        """Respond with a page; it repeats nothing of the request."""
        body = _PAGE.format(title=title, text=text).encode()
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: the request line contains the code."""
