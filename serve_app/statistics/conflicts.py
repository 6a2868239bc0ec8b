"""Retries of transactions that met another one."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.exc import DatabaseError

T = TypeVar("T")

_ATTEMPTS: Final = 8
_CONFLICTS: Final = {1020, 1062, 1205, 1213}
"""MySQL error codes: record changed, duplicate key, lock wait timeout, deadlock. The next attempt sees the outcome.

SQLite has no such conflicts, because :func:`serve_app.database.engine.writing` runs one transaction after the other.
"""


def retry_conflicts(transaction: Callable[[], T]) -> T:
    """Call ``transaction``, again after a conflict. Raises its other errors, and the last conflict."""
    for attempt in range(_ATTEMPTS):
        try:
            return transaction()
        except DatabaseError as error:
            if attempt == _ATTEMPTS - 1 or not _is_conflict(error):
                raise
        time.sleep(0.005 * 2**attempt)
    raise AssertionError("unreachable")


def _is_conflict(error: DatabaseError) -> bool:
    return bool(error.orig and error.orig.args and error.orig.args[0] in _CONFLICTS)
