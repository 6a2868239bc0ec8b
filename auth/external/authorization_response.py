"""The authorization response (RFC 6749, section 4.1.2) that the browser brings from a provider."""

from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import QueryParams

from auth.errors import InvalidProviderResponse, SignInFailed
from auth.external.claims import printable_text

_CANCELLED: Final = frozenset({"access_denied", "user_cancelled_login", "user_cancelled_authorize"})


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """Untrusted until its state has been verified."""

    state: str = field(repr=False)
    code: str = field(repr=False)
    error: str
    description: str
    issuer: str | None

    def raise_for_error(self, title: str) -> None:
        """Raise SignInFailed or InvalidProviderResponse unless the response has a code."""
        if self.error in _CANCELLED:
            raise SignInFailed(f"The sign-in with {title} was cancelled.")
        if self.error:
            reason = ": ".join(filter(None, [printable_text(self.error), printable_text(self.description)]))
            raise InvalidProviderResponse(f"{title} could not sign you in: {reason}")
        if not self.code:
            raise SignInFailed(f"{title} returned neither a code nor an error.")


def parse_authorization_response(query: QueryParams) -> AuthorizationResponse:
    """Raises SignInFailed if a parameter is repeated (RFC 6749, section 3.1)."""
    names = ("state", "code", "error", "error_description", "iss")
    if any(len(query.getlist(name)) > 1 for name in names):
        raise SignInFailed("The provider's response repeats a parameter. Sign in again.")
    state, code, error, description = (query.get(name, "") for name in names[:4])
    return AuthorizationResponse(state, code, error, description, query.get("iss"))
