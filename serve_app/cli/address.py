"""Address of a server, and whether secrets may be sent to it."""

from dataclasses import dataclass
from typing import Any

import httpx

from auth.external.environment_proxy import UnusableProxy, environment_proxy, is_loopback
from serve_app.cli.errors import UsageError
from serve_app.cli.response_limit import UNCOMPRESSED, limit_async_response


@dataclass(frozen=True, slots=True)
class Address:
    """A normalized server URL: scheme, lower-case host, no trailing slash. Equal servers have equal addresses."""

    url: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Parse an address with or without http://. Raises UsageError if it is not an address."""
        try:
            scheme, separator, rest = text.partition("://")
            url = httpx.URL(f"{scheme.lower()}{separator}{rest}" if separator else f"http://{text}")
        except httpx.InvalidURL as error:
            raise UsageError(f"{text} is not the address of a server: {error}.") from None
        if url.userinfo:
            raise UsageError(
                "The address of a server must not contain a name or password; sign in with `raylens login`."
            )
        if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
            raise UsageError(f"{text} is not the address of a server; use a form like http://127.0.0.1:8000.")
        return cls(str(url).rstrip("/"))

    @property
    def is_loopback(self) -> bool:
        """Whether the server runs on this machine."""
        return is_loopback(httpx.URL(self.url).host)

    @property
    def is_confidential(self) -> bool:
        """Whether requests are encrypted or stay on this machine."""
        return self.url.startswith("https://") or self.is_loopback

    def is_same_origin(self, url: str) -> bool:
        """Whether ``url`` leads to the same scheme, host and port."""
        try:
            other = httpx.URL(url)
        except httpx.InvalidURL:
            return False
        own = httpx.URL(self.url)
        return (other.scheme, other.host, other.port) == (own.scheme, own.host, own.port)

    @property
    def proxy(self) -> httpx.Proxy | None:
        """The environment's proxy for this server. Raises UsageError if it cannot be used."""
        try:
            return environment_proxy(httpx.URL(self.url))
        except UnusableProxy as error:
            raise UsageError(str(error)) from None

    @property
    def described(self) -> str:
        """The address with its proxy, for messages about the connection."""
        return f"{self} through the proxy {self.proxy.url}" if self.proxy else self.url

    @property
    def client_options(self) -> dict[str, Any]:
        """Options of an httpx client; the environment's proxies and certificates apply as for curl.

        Requests to this machine never use a proxy. Raises UsageError if the proxy cannot be used.
        """
        is_https = self.url.startswith("https://")
        return {
            "base_url": self.url,
            "proxy": self.proxy,
            "trust_env": False,  # only environment_proxy reads it
            "verify": httpx.create_ssl_context() if is_https else True,
        }

    def client(self, **options: Any) -> httpx.AsyncClient:  # noqa: ANN401 - httpx's own
        """An HTTP client of this server. It follows no redirects, which could send a token to another server."""
        hooks = {"response": [limit_async_response]}
        return httpx.AsyncClient(**self.client_options, event_hooks=hooks, headers=UNCOMPRESSED, **options)

    def __str__(self) -> str:
        return self.url
