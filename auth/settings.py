"""Settings of this package, passed in by the application."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from auth.external.providers import Provider
from auth.passwords.hashing import DEFAULT_COST, HashingCost

TimeSource = Callable[[], float]
"""Returns seconds: since the Unix epoch, or of a monotonic clock."""


@dataclass(frozen=True, slots=True)
class AuthSettings:
    public_url: str
    """Base URL of the service without a trailing slash: issuer of the tokens and origin of the web app."""
    public_url_is_given: bool
    """Whether ``public_url`` was configured. Otherwise it is a default that is valid on this machine only."""
    secret_keys: tuple[bytes, ...]
    """The first one signs and encrypts; the others are still accepted for verification and decryption."""
    registration: bool = True
    """Whether anyone may create an account."""
    anonymous: bool = True
    """Whether clients may classify images without signing in; reported to the web app."""
    password_min_length: int = 15
    hashing_cost: HashingCost = DEFAULT_COST
    providers: tuple[Provider, ...] = ()
    """External identity providers that users may sign in with."""

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public URL as browsers send them, without the scheme's default port."""
        parts = urlsplit(self.public_url.lower())
        return f"{parts.scheme}://{parts.netloc.removesuffix(':443' if parts.scheme == 'https' else ':80')}"

    def key(self, purpose: str) -> bytes:
        """32 bytes derived from the newest secret key for one purpose."""
        return self.keys(purpose)[0]

    def keys(self, purpose: str) -> list[bytes]:
        """The same for every secret key, newest first."""
        return [hmac.digest(secret, purpose.encode(), "sha256") for secret in self.secret_keys]
