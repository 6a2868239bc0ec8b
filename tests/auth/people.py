"""Users made behind the application's back, and what they get in with: no password is hashed."""

from typing import Any

from sqlalchemy import Engine, insert

from auth.credentials.lifetimes import microseconds
from auth.credentials.secret import digest_of
from auth.credentials.store import Credentials
from auth.database import write
from auth.principal import CredentialKind, Principal, Scopes
from auth.settings import Clock
from auth.tables import users


class People:
    """On a database, at a time."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.credentials = Credentials(engine, clock)

    def add(self, username: str = "alice", **columns: Any) -> int:
        """The id of a new user, who has a password that nobody knows."""
        values = {
            "username": username,
            "username_key": username.casefold(),
            "email": f"{username}@example.org",
            "password": "$argon2id$none",
            "role": "user",
            "created_us": microseconds(self.clock()),
        }
        statement = insert(users).values(values | columns)
        key = write(self.engine, lambda connection: connection.execute(statement).inserted_primary_key)
        assert key
        return int(key[0])

    def let_in(self, user_id: int, kind: CredentialKind = "session", scopes: Scopes = frozenset(), **more: Any) -> str:
        """A new session, token or key of theirs."""
        issue = self.credentials.issue
        return write(self.engine, lambda connection: issue(connection, kind, user_id, scopes=scopes, **more))

    def holder(self, secret: str) -> Principal | None:
        """Who gets in with it now."""
        return self.credentials.principal(digest_of(secret))

    def id_of(self, secret: str) -> int:
        """The number its owner knows it by."""
        holder = self.holder(secret)
        assert holder
        return holder.credential_id
