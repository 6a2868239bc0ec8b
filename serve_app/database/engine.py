"""Engines for the two kinds of database: SQLite (embedded) and MySQL or MariaDB."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

CONNECT_TIMEOUT_S = 3
"""After this an unreachable server counts as down."""
BUSY_TIMEOUT_S = 5
"""How long a SQLite writer waits for another."""
NO_SUCH_TABLE = 1146
"""MySQL's code; SQLite says so with an OperationalError."""


def parse_url(url: str) -> URL:
    """The URL of a supported database; plain ``mysql://`` means PyMySQL.

    Raises ``ValueError`` without quoting the URL, which may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(
            "the database URL cannot be read; it looks like mysql+pymysql://USER:PASSWORD@HOST/NAME"
        ) from None
    if parsed.drivername in {"mysql", "mariadb"}:
        parsed = parsed.set(drivername=f"{parsed.drivername}+pymysql")
    if parsed.drivername.split("+")[-1] not in {"sqlite", "pysqlite", "pymysql"}:
        raise ValueError(f"{parsed.drivername} is not supported; use sqlite:/// or mysql+pymysql://")
    return parsed


def connect(url: str, timeout_s: int = 5) -> Engine:
    """An engine; nothing is opened yet.

    ``timeout_s`` is how long a statement may go without an answer from a MySQL server before the server counts as down.
    A SQLite transaction that will write should be opened with :func:`writing`.
    """
    parsed = parse_url(url)
    return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _mysql(parsed, timeout_s)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that takes SQLite's write lock at its start, so what it has read stays true until it commits."""
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


def is_away(error: SQLAlchemyError) -> bool:
    """Whether the database cannot be reached, is too busy, or has no tables yet: trying again later may help."""
    if isinstance(error, ProgrammingError):
        return error.orig is not None and error.orig.args[:1] == (NO_SUCH_TABLE,)
    return isinstance(error, InterfaceError | OperationalError | PoolTimeout)


def _mysql(url: URL, timeout_s: int) -> Engine:
    defaults: dict[str, Any] = {
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": timeout_s,
        "write_timeout": timeout_s,
    }
    return create_engine(
        url,
        hide_parameters=True,
        connect_args={name: value for name, value in defaults.items() if name not in url.query},
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_recycle=1800,
        pool_timeout=timeout_s,
    )


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        path = Path(url.database)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # who opens it will say why it cannot be
            path.touch(mode=0o600)  # whose history it is, and who its users are: SQLite would let everybody read it
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S}, pool_timeout=BUSY_TIMEOUT_S
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin in _begin_sqlite, not where sqlite3 guesses
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA wal_autocheckpoint=4000")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
