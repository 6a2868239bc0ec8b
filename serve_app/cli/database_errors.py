"""Database errors of the commands that use the database directly."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from serve_app.cli.errors import CommandError, exit_on_error


@contextmanager
def database_errors(command: str) -> Iterator[None]:
    """Exit with one line and status 1 on an error that an operator can fix. Drivers' messages contain no password."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    with exit_on_error():
        try:
            yield
        except ValidationError:
            raise  # invalid settings, which `main` reports
        except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, TimeoutError) as error:
            # SQLAlchemy's own text would quote the statement; the driver's last argument is the message.
            original = error.orig if isinstance(error, DBAPIError) and error.orig else error
            cause = original.args[-1] if original.args and not isinstance(original, OSError) else original
            if isinstance(original, OSError) and original.strerror:
                cause = f"{original.filename}: {original.strerror}" if original.filename else original.strerror
            raise CommandError(f"{command}: {cause}{_remedy(original)}") from None


def _remedy(error: BaseException) -> str:
    """What to do about an error of SQLite, whose messages are short."""
    name = getattr(error, "sqlite_errorname", "")
    return next((f"; {remedy}" for start, remedy in _REMEDIES.items() if name.startswith(start)), "")


_REMEDIES: Final = {
    "SQLITE_NOTADB": "restore a backup, or move the file away",
    "SQLITE_CORRUPT": "restore a backup, or move the file away",
    "SQLITE_CANTOPEN": "check the path, and the permissions of the data folder",
    "SQLITE_READONLY": "check the permissions of the data folder",
    "SQLITE_FULL": "free space on the disk",
    "SQLITE_BUSY": "another process is writing; try again",
}
