"""Write transactions with retries, and errors of an unavailable database."""

import math
import time
from collections.abc import Callable
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

log = structlog.get_logger(__name__)

T = TypeVar("T")

MAX_ATTEMPTS: Final = 5
_DEADLOCK_CODES: Final = frozenset({1205, 1213})
"""MySQL error codes: lock wait timeout, deadlock."""
_NO_SUCH_TABLE: Final = 1146
"""MySQL's error code. SQLite raises an OperationalError instead."""
_OUTAGE_LINE_EVERY_S: Final = 60.0
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def write(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run ``work`` in its own transaction, and retry it after a deadlock.

    The option ``writes`` makes SQLite take the write lock at the start, so rows that ``work`` reads do not
    change until it commits.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                return work(connection)
        except OperationalError as error:
            code = error.orig.args[0] if error.orig and error.orig.args else None
            if code not in _DEADLOCK_CODES or attempt == MAX_ATTEMPTS:
                raise
            time.sleep(0.01 * attempt)
    raise AssertionError("the last attempt returns or raises")


def is_unavailable(error: SQLAlchemyError) -> bool:
    """Whether the database cannot be used now: unreachable, too busy, read-only, damaged, without space or tables.

    Whatever an operator repairs, as opposed to a defect in a statement.
    """
    if isinstance(error, ProgrammingError):
        return error.orig is not None and error.orig.args[:1] == (_NO_SUCH_TABLE,)
    if type(error) is DatabaseError:
        return getattr(error.orig, "sqlite_errorname", "").startswith(_DAMAGED)
    return isinstance(error, InterfaceError | InternalError | OperationalError | PoolTimeout)


class OutageLog:
    """Logs that requests fail because the database is unavailable: one line per minute, not one per request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._silent_until = -math.inf

    def add(self, path: str, error: SQLAlchemyError) -> None:
        now = self._clock()
        if now >= self._silent_until:
            self._silent_until = now + _OUTAGE_LINE_EVERY_S
            log.warning("database_unavailable", path=path, error=str(error.__cause__ or error))


outage_log: Final = OutageLog()
"""That of this process."""
