"""What the browser brings back from a provider."""

from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import QueryParams

from auth.errors import InvalidProviderResponse, SignInFailed
from auth.external.text import shown

CANCELLED: Final = frozenset({"access_denied", "user_cancelled_login", "user_cancelled_authorize"})


@dataclass(frozen=True, slots=True)
class Answer:
    """Anybody can write such an address: nothing of it is true before its state is found to be."""

    state: str = field(repr=False)
    code: str = field(repr=False)
    error: str
    description: str
    issuer: str | None

    def refuse_error(self, title: str) -> None:
        """Raises SignInFailed or InvalidProviderResponse for an answer that is not a code."""
        if self.error in CANCELLED:
            raise SignInFailed(f"{title} says that the sign-in was cancelled.")
        if self.error:
            said = ": ".join(filter(None, [shown(self.error), shown(self.description)]))
            raise InvalidProviderResponse(f"{title} could not sign you in. It says: {said}")
        if not self.code:
            raise SignInFailed(f"{title} sent you back without an answer.")


def read_answer(query: QueryParams) -> Answer:
    """Raises SignInFailed where something is said twice: it could be understood either way (RFC 6749, 3.1)."""
    names = ("state", "code", "error", "error_description", "iss")
    if any(len(query.getlist(name)) > 1 for name in names):
        raise SignInFailed("This answer of the provider says something twice.")
    state, code, error, description = (query.get(name, "") for name in names[:4])
    return Answer(state, code, error, description, query.get("iss"))
