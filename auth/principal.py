"""The principal of a request: who makes it and what they may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class Scope(StrEnum):
    """A permission that a principal may have."""

    CLASSIFY = "classify"
    HISTORY_READ = "history:read"
    HISTORY_WRITE = "history:write"
    PROFILE = "profile"
    OPENID = "openid"
    ADMIN = "admin"


Scopes = frozenset[str]

ALL_SCOPES: Final[Scopes] = frozenset(Scope)
API_KEY_SCOPES: Final[Scopes] = ALL_SCOPES - {Scope.OPENID}
"""Scopes that an API key may have."""

Role = Literal["user", "admin"]
CredentialKind = Literal["session", "token", "key", "access"]
"""Session cookie, login token, personal API key, or access token of the OAuth server."""


def scopes_of_role(role: str) -> Scopes:
    """All scopes that a user with this role may have."""
    return ALL_SCOPES if role == "admin" else ALL_SCOPES - {Scope.ADMIN}


def parse_scopes(text: str) -> Scopes:
    """Parse a space-separated list, the form of OAuth and of the database."""
    return frozenset(text.split())


def render_scopes(scopes: Scopes) -> str:
    return " ".join(sorted(scopes))


@dataclass(frozen=True, slots=True)
class User:
    """The public fields of an account."""

    id: int
    username: str
    email: str
    role: str
    created_us: int
    has_password: bool
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, an application that acts for a user, or an application on its own (``user`` is None)."""

    kind: CredentialKind
    user: User | None
    client_id: str
    """The application; empty if there is none."""
    scopes: Scopes
    credential_id: int
    """Primary key in ``credentials``, or in ``oauth_families`` for an access token."""
    expires_us: int
    """Expiry, Unix microseconds."""

    @property
    def is_first_party(self) -> bool:
        """Whether the user signed in themselves, rather than through an API key or an application."""
        return self.kind in {"session", "token"}
