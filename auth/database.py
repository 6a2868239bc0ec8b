"""Transactions of this package on the engine it is given."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

T = TypeVar("T")

MAX_ATTEMPTS: Final = 5
DEADLOCKS: Final = frozenset({1205, 1213})
"""MySQL: gave up waiting for a lock; two transactions waited for each other."""


def write(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run ``work`` in a transaction of its own; again where the database broke it off in favour of another.

    The engine's option ``writes`` lets SQLite take its lock at the start, so what was read stays true until the end.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            with engine.execution_options(writes=True).begin() as connection:
                return work(connection)
        except OperationalError as error:
            code = error.orig.args[0] if error.orig and error.orig.args else None
            if code not in DEADLOCKS or attempt == MAX_ATTEMPTS:
                raise
            time.sleep(0.01 * attempt)
    raise AssertionError("the last attempt returns or raises")


def is_transient(error: SQLAlchemyError) -> bool:
    """Whether the database is unreachable or too busy, so that a later retry may succeed."""
    return isinstance(error, InterfaceError | OperationalError | PoolTimeout)
