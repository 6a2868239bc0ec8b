"""The address of a server, and what may be told to it."""

import ipaddress
from dataclasses import dataclass
from typing import Any

import httpx

from serve_app.cli.failure import WrongUsage


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` has a scheme, a host in lower case, and no slash at the end: one server, one spelling."""

    url: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """With or without http://. Raises WrongUsage for what is no address."""
        try:
            scheme, separator, rest = text.partition("://")
            url = httpx.URL(f"{scheme.lower()}{separator}{rest}" if separator else f"http://{text}")
        except httpx.InvalidURL as error:
            raise WrongUsage(f"{text} is not the address of a server: {error}.") from None
        if url.userinfo:
            raise WrongUsage("The address of a server holds no name and password; sign in with `raylens login`.")
        if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
            raise WrongUsage(f"{text} is not the address of a server; write like http://127.0.0.1:8000.")
        return cls(str(url).rstrip("/"))

    @property
    def is_loopback(self) -> bool:
        """This machine, so nothing passes over a network."""
        host = httpx.URL(self.url).host
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def keeps_secrets(self) -> bool:
        """Nobody on the way can read what is sent."""
        return self.url.startswith("https://") or self.is_loopback

    def is_same_origin(self, url: str) -> bool:
        """Whether ``url`` leads to the same scheme, host and port."""
        try:
            other = httpx.URL(url)
        except httpx.InvalidURL:
            return False
        own = httpx.URL(self.url)
        return (other.scheme, other.host, other.port) == (own.scheme, own.host, own.port)

    def client(self, **options: Any) -> httpx.AsyncClient:  # noqa: ANN401 - httpx' own
        """An HTTP client of this server, which follows no redirect: what is sent here is for nobody else.

        What is meant for this machine alone goes to no proxy either, whatever the environment says.
        """
        beyond = self.url.startswith("https://") or not self.is_loopback
        return httpx.AsyncClient(base_url=self.url, trust_env=beyond, **options)

    def __str__(self) -> str:
        return self.url
