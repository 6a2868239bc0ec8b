"""Creates users and their credentials directly in the database, without hashing a password."""

from typing import Any

from sqlalchemy import Engine, insert

from auth.credentials.lifetimes import to_microseconds
from auth.credentials.secret import digest_of
from auth.credentials.store import CredentialStore
from auth.database import write
from auth.principal import CredentialKind, Principal, Scopes
from auth.settings import TimeSource
from auth.tables import users
from auth.users.skeletons import skeleton_digest


class UserFactory:
    """Of one database. Times come from ``clock``."""

    def __init__(self, engine: Engine, clock: TimeSource) -> None:
        self.engine = engine
        self.clock = clock
        self.credentials = CredentialStore(engine, clock)

    def add(self, username: str = "alice", **columns: Any) -> int:
        """Create a user, by default with a password that nothing matches, and return their id."""
        values = {
            "username": username,
            "username_key": username.casefold(),
            "username_skeleton": skeleton_digest(username),
            "email": f"{username}@example.org",
            "password": "$argon2id$none",
            "role": "user",
            "created_us": to_microseconds(self.clock()),
        }
        statement = insert(users).values(values | columns)
        key = write(self.engine, lambda connection: connection.execute(statement).inserted_primary_key)
        assert key
        return int(key[0])

    def issue(self, user_id: int, kind: CredentialKind = "session", scopes: Scopes = frozenset(), **more: Any) -> str:
        """The secret of a new session, token or API key."""
        issue = self.credentials.issue
        return write(self.engine, lambda connection: issue(connection, kind, user_id, scopes=scopes, **more))

    def principal(self, secret: str) -> Principal | None:
        """Whom the secret authenticates now; None if it is invalid."""
        return self.credentials.principal(digest_of(secret))

    def credential_id(self, secret: str) -> int:
        principal = self.principal(secret)
        assert principal
        return principal.credential_id
