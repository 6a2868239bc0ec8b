"""Cookies of the web app, and protection against cross-site request forgery (CSRF)."""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from auth.credentials.lifetimes import BROWSER_LIFETIME, SESSION_LIFETIME
from auth.errors import CrossSiteRequest, PermissionDenied
from auth.http.host import HostName
from auth.settings import AuthSettings

WRITE_HEADER: Final = "X-Requested-With"
"""Other sites cannot make a browser send it. Its value is not checked."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Cookie:
    """``__Host-``, Secure, HttpOnly, SameSite=Lax; without the first two on plain HTTP, which only loopback may use."""

    def __init__(self, settings: AuthSettings, name: str, max_age: int) -> None:
        """``max_age``: seconds."""
        self._settings = settings
        self._max_age = max_age
        self.name = f"__Host-{name}" if settings.is_https else name

    def read(self, connection: HTTPConnection) -> str | None:
        return connection.cookies.get(self.name)

    def set(self, response: Response, secret: str) -> None:
        self._set(response, secret, self._max_age)

    def clear(self, response: Response) -> None:
        self._set(response, "", 0)

    def _set(self, response: Response, value: str, max_age: int) -> None:
        secure = self._settings.is_https
        response.set_cookie(self.name, value, max_age=max_age, path="/", secure=secure, httponly=True, samesite="lax")


class BrowserCookie(Cookie):
    """Recognizes a browser in which a user has signed in, after the session has ended as well."""

    def __init__(self, settings: AuthSettings) -> None:
        super().__init__(settings, "raylens_browser", BROWSER_LIFETIME)


class SessionCookie(Cookie):
    def __init__(self, settings: AuthSettings) -> None:
        super().__init__(settings, "raylens_session", SESSION_LIFETIME)

    def check_csrf(self, connection: HTTPConnection) -> None:
        """Raises CrossSiteRequest unless the web app itself sent this write."""
        if WRITE_HEADER not in connection.headers:
            raise CrossSiteRequest(f"A write with the session cookie requires the header {WRITE_HEADER}.")
        self.check_origin(connection)

    def check_origin(self, connection: HTTPConnection) -> None:
        """The check for HTML forms, which cannot send a custom header. Raises CrossSiteRequest."""
        origin = connection.headers.get("origin", "").lower()
        if origin != self._own_origin(connection):
            raise CrossSiteRequest(f"This comes from {origin or 'an unknown page'}; use {self._settings.public_url}/.")

    def require_secure(self, connection: HTTPConnection) -> None:
        """Raises PermissionDenied if the session cookie would cross the network unencrypted."""
        if not self._settings.is_https and self._own_origin(connection) is None:
            raise PermissionDenied(
                "Signing in with a browser requires https. Put a TLS proxy in front and set RAYLENS_PUBLIC_URL to its "
                "address; tokens and API keys work without."
            )

    def base_url(self, connection: HTTPConnection) -> str:
        """Base URL of the service for this browser, without a trailing slash. Raises like :meth:`require_secure`."""
        self.require_secure(connection)
        settings = self._settings
        return settings.public_url if settings.public_url_is_given else self._own_origin(connection) or ""

    def _own_origin(self, connection: HTTPConnection) -> str | None:
        """The origin of the web app; if none is configured, any loopback name in the Host header. None if insecure."""
        settings = self._settings
        if settings.public_url_is_given:
            host = urlsplit(settings.public_url).hostname
            return settings.origin if settings.is_https or host in _LOOPBACK else None
        header = connection.headers.get("host", "").lower()
        parsed = HostName.parse(header)
        return f"http://{header}" if parsed and parsed.name in _LOOPBACK else None
