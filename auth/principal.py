"""Who asks, and what they may."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class Scope(StrEnum):
    """What a principal may be allowed."""

    CLASSIFY = "classify"
    HISTORY_READ = "history:read"
    HISTORY_WRITE = "history:write"
    PROFILE = "profile"
    OPENID = "openid"
    ADMIN = "admin"


Scopes = frozenset[str]

ALL_SCOPES: Final[Scopes] = frozenset(Scope)
API_KEY_SCOPES: Final[Scopes] = ALL_SCOPES - {Scope.OPENID}
"""What an API key may have."""

Role = Literal["user", "admin"]
CredentialKind = Literal["session", "token", "key", "access"]
"""A cookie session, a token of the sign-in call, a personal API key, an access token of the OAuth server."""


def scopes_of_role(role: str) -> Scopes:
    """The most a user of a role may do."""
    return ALL_SCOPES if role == "admin" else ALL_SCOPES - {Scope.ADMIN}


def parse_scopes(text: str) -> Scopes:
    """Separated by spaces, as in the database and in OAuth."""
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
    """A user, an application on behalf of a user, or an application on its own (``user`` is None)."""

    kind: CredentialKind
    user: User | None
    client_id: str
    """The application; empty where there is none."""
    scopes: Scopes
    credential_id: int
    """Of the table of its kind: ``credentials``, or ``oauth_families`` for an access token."""
    expires_us: int
    """When it ends by itself, Unix microseconds."""

    @property
    def is_first_party(self) -> bool:
        """The person themselves, not something that was lent a part of their rights."""
        return self.kind in {"session", "token"}
