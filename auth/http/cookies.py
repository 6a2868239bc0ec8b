"""The session cookie of the web app, and what a browser's write has to show."""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from auth.credentials.lifetimes import SESSION_LIFETIME
from auth.errors import CrossSiteRequest, PermissionDenied
from auth.settings import AuthSettings

WRITE_HEADER: Final = "X-Requested-With"
"""Other sites cannot make a browser send it; its value does not matter."""
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class SessionCookie:
    """``__Host-``, Secure, HttpOnly, SameSite=Lax; on plain HTTP without the first two, and on this machine only."""

    def __init__(self, settings: AuthSettings) -> None:
        self._settings = settings
        self.name = "__Host-raylens_session" if settings.is_https else "raylens_session"

    def read(self, connection: HTTPConnection) -> str | None:
        return connection.cookies.get(self.name)

    def set(self, response: Response, secret: str) -> None:
        self._set(response, secret, SESSION_LIFETIME)

    def clear(self, response: Response) -> None:
        self._set(response, "", 0)

    def _set(self, response: Response, value: str, max_age: int) -> None:
        secure = self._settings.is_https
        response.set_cookie(self.name, value, max_age=max_age, path="/", secure=secure, httponly=True, samesite="lax")

    def check_csrf(self, connection: HTTPConnection) -> None:
        """For a write that the cookie alone would allow. Raises CrossSiteRequest unless the web app itself sent it."""
        if WRITE_HEADER not in connection.headers:
            raise CrossSiteRequest(f"A write with the session cookie needs the header {WRITE_HEADER}.")
        self.check_origin(connection)

    def check_origin(self, connection: HTTPConnection) -> None:
        """For a form's write, too, which can send no header of its own. Raises CrossSiteRequest."""
        origin = connection.headers.get("origin", "").lower()
        if origin != self._own_origin(connection):
            raise CrossSiteRequest(f"This came from {origin or 'an unknown page'}; use {self._settings.public_url}/.")

    def require_secure(self, connection: HTTPConnection) -> None:
        """Raises PermissionDenied where a session cookie could be read on its way."""
        if not self._settings.is_https and self._own_origin(connection) is None:
            raise PermissionDenied(
                "Signing in with a browser needs https. Put a proxy with a certificate in front and set "
                "RAYLENS_PUBLIC_URL to its address; tokens and API keys work without."
            )

    def base_url(self, connection: HTTPConnection) -> str:
        """Where this browser reaches the service, without a slash at the end; as :meth:`require_secure` raises."""
        self.require_secure(connection)
        settings = self._settings
        return settings.public_url if settings.public_url_is_given else self._own_origin(connection) or ""

    def _own_origin(self, connection: HTTPConnection) -> str | None:
        """The origin of the web app; where none is given, this machine under whatever name it was called."""
        settings = self._settings
        if settings.public_url_is_given:
            host = urlsplit(settings.public_url).hostname
            return settings.origin if settings.is_https or host in LOOPBACK else None
        host = connection.headers.get("host", "").lower()
        try:
            return f"http://{host}" if urlsplit(f"//{host}").hostname in LOOPBACK else None
        except ValueError:
            return None
