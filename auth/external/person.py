"""Somebody as others know them, and who those others are."""

from dataclasses import dataclass
from typing import Protocol

from auth.external.code_grant import CodeGrant


@dataclass(frozen=True, slots=True)
class Person:
    """Known by who says so and what that one calls them; the rest may change, and proves nothing."""

    issuer: str
    subject: str
    username: str
    """What an account might be called; may be empty."""
    email: str
    """May be empty."""


class IdentityProvider(Protocol):
    """Queries one provider. Every method raises ProviderUnavailable or InvalidProviderResponse."""

    async def authorization_url(self, grant: CodeGrant, *, state: str, nonce: str) -> str:
        """Where the browser goes to sign in."""
        ...

    async def refuse_mix_up(self, issuer: str | None) -> None:
        """Raises SignInFailed for an answer by browser that names another issuer, or none where it always does."""
        ...

    async def person(self, grant: CodeGrant, *, code: str, nonce: str) -> Person:
        """Who signed in there. Raises SignInFailed for a code that is no good."""
        ...
