"""Database errors of the commands that use the database directly."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

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
            cause = error.orig.args[-1] if isinstance(error, DBAPIError) and error.orig and error.orig.args else error
            raise CommandError(f"{command}: {cause}") from None
