"""Verifies passwords: throttled, in constant time, and atomically with what follows."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine

from auth.database import write
from auth.passwords.admission import Attempt
from auth.passwords.hashing import Passwords
from auth.passwords.throttling import LoginThrottle
from auth.users.repository import UserRow, by_id, update_user

T = TypeVar("T")
UserLookup = Callable[[Connection], UserRow | None]


class PasswordVerifier:
    def __init__(self, engine: Engine, passwords: Passwords, throttle: LoginThrottle) -> None:
        self._engine = engine
        self._passwords = passwords
        self._throttle = throttle

    def verify(
        self,
        find: UserLookup,
        attempt: Attempt,
        on_success: Callable[[Connection, UserRow], T],
    ) -> T | None:
        """The result of ``on_success``, which runs in a transaction that locks the user's current password.

        None for a wrong password, an unknown or a disabled user; then the attempt remains counted as a failure.
        """
        password = attempt.password
        with self._engine.connect() as connection:
            row = find(connection)
        is_right = self._passwords.matches(row.password if row else None, password)
        if row is None or not is_right or row.disabled_us is not None:
            return None
        new_hash = self._passwords.hash(password) if self._passwords.needs_rehash(row.password) else None

        def succeed(connection: Connection) -> T | None:
            current = by_id(connection, row.id, lock=True)
            if current is None or current.disabled_us is not None:
                return None
            if current.password_changed_us != row.password_changed_us:
                return None
            if new_hash:
                update_user(connection, row.id, password=new_hash)
            self._throttle.succeed(connection, attempt)
            return on_success(connection, current)

        return write(self._engine, succeed)
