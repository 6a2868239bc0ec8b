"""What goes wrong with the database, for the commands that work on it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from serve_app.cli.failure import Failure, one_line


@contextmanager
def database_errors(command: str) -> Iterator[None]:
    """What an operator can put right ends with one line and exit status 1. Drivers' messages name no password."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    with one_line():
        try:
            yield
        except ValidationError:
            raise  # wrong settings, which every command tells alike
        except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, TimeoutError) as error:
            # SQLAlchemy's own text would quote the statement; the driver's last argument is the message.
            cause = error.orig.args[-1] if isinstance(error, DBAPIError) and error.orig and error.orig.args else error
            raise Failure(f"{command}: {cause}") from None
