"""What the application around tells this package."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from auth.external.providers import Provider
from auth.passwords.hashing import DEFAULT_COST, HashingCost

TimeSource = Callable[[], float]
"""Unix seconds."""


@dataclass(frozen=True, slots=True)
class AuthSettings:
    public_url: str
    """Where people reach the service, without a slash at the end: the issuer of tokens, the origin of the web app."""
    public_url_is_given: bool
    """Somebody said so. Otherwise it is a guess, good on this machine only."""
    secret_keys: tuple[bytes, ...]
    """The first signs and seals; what the others signed and sealed stays good."""
    registration: bool = True
    """Whether people may make accounts themselves."""
    anonymous: bool = True
    """Whether images may be classified by who has not signed in; told to the web app."""
    password_min_length: int = 15
    hashing_cost: HashingCost = DEFAULT_COST
    providers: tuple[Provider, ...] = field(default=())
    """Who else may say who somebody is."""

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public URL, as browsers send it: without the scheme's own port."""
        parts = urlsplit(self.public_url.lower())
        return f"{parts.scheme}://{parts.netloc.removesuffix(':443' if parts.scheme == 'https' else ':80')}"

    def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose, from the newest secret key."""
        return self.keys(purpose)[0]

    def keys(self, purpose: str) -> list[bytes]:
        """The same from every secret key, the newest first."""
        return [hmac.digest(secret, purpose.encode(), "sha256") for secret in self.secret_keys]
