"""Headers that restrict what browsers do with a response: on every response, also errors, files and redirects."""

from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_Headers = tuple[tuple[bytes, bytes], ...]

SECURITY_HEADERS: Final[_Headers] = (
    # For everything that is no page, which has its own policy.
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_STRICT_TRANSPORT_SECURITY: Final = (b"strict-transport-security", b"max-age=31536000")
"""Without subdomains, which may be services of others."""
_POPUPS: Final = ("/oauth/", "/auth/external/")
"""Applications open these pages in a window and wait for it, which the opener policy would prevent."""


class SecurityHeadersMiddleware:
    """ASGI middleware; headers that a response has already are kept."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        """``https``: the service is reached by https only, so browsers need never try http."""
        self._app = app
        self._headers = SECURITY_HEADERS + ((_STRICT_TRANSPORT_SECURITY,) if https else ())
        self._headers_of_popups = tuple(each for each in self._headers if each[0] != b"cross-origin-opener-policy")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = self._headers
        if scope["type"] == "http" and scope["path"].startswith(_POPUPS):
            headers = self._headers_of_popups

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                present = {name for name, _ in own}
                message["headers"] = own + [header for header in headers if header[0] not in present]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def add_security_headers(app: FastAPI, *, https: bool) -> None:
    """Wrap the whole application: middleware added to it does not see the response to an unexpected error."""
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: SecurityHeadersMiddleware(build(), https=https)  # type: ignore[method-assign]
