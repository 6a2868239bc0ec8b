"""Write transactions with retries."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

T = TypeVar("T")

MAX_ATTEMPTS: Final = 5
_DEADLOCK_CODES: Final = frozenset({1205, 1213})
"""MySQL error codes: lock wait timeout, deadlock."""


def write(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run ``work`` in its own transaction, and retry it after a deadlock.

    The engine's option ``writes`` makes SQLite take the write lock at the start, so rows that ``work`` reads do not
    change until it commits.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            with engine.execution_options(writes=True).begin() as connection:
                return work(connection)
        except OperationalError as error:
            code = error.orig.args[0] if error.orig and error.orig.args else None
            if code not in _DEADLOCK_CODES or attempt == MAX_ATTEMPTS:
                raise
            time.sleep(0.01 * attempt)
    raise AssertionError("the last attempt returns or raises")


def is_transient(error: SQLAlchemyError) -> bool:
    """Whether the database is unreachable or too busy, so a later retry may succeed."""
    return isinstance(error, InterfaceError | OperationalError | PoolTimeout)
