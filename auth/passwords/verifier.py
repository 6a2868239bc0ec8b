"""Checks passwords: not too often, in the same time for everybody, and on what is still true when something follows."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine

from auth.database import write
from auth.passwords.hashing import Passwords
from auth.passwords.throttling import LoginThrottle
from auth.users.repository import UserRow, by_id, update_user

T = TypeVar("T")
Find = Callable[[Connection], UserRow | None]
Then = Callable[[Connection, UserRow], T]


class Verifier:
    def __init__(self, engine: Engine, passwords: Passwords, throttle: LoginThrottle) -> None:
        self._engine = engine
        self._passwords = passwords
        self._throttle = throttle

    def verify(self, find: Find, password: str, then: Then[T], *, account: str, address: str) -> T | None:
        """What ``then`` gives, called within a transaction in which the password still is the user's.

        None for a wrong password, an unknown user or one who is disabled. Raises Throttled. A failure counts for
        ``account``, the key of the name, from ``address``.
        """
        attempt = self._throttle.begin(account, address)
        with self._engine.connect() as connection:
            row = find(connection)
        is_right = self._passwords.matches(row.password if row else None, password)
        if row is None or not is_right or row.disabled_us is not None:
            return None
        renewed = self._passwords.hash(password) if self._passwords.is_outdated(row.password) else None

        def succeed(connection: Connection) -> T | None:
            now = by_id(connection, row.id, lock=True)
            if now is None or now.disabled_us is not None or now.password_changed_us != row.password_changed_us:
                return None
            if renewed:
                update_user(connection, row.id, password=renewed)
            self._throttle.succeed(connection, attempt)
            return then(connection, now)

        return write(self._engine, succeed)
