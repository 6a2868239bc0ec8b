"""Database engines for SQLite (embedded) and for MySQL or MariaDB."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_CONNECT_TIMEOUT_S = 3
_BUSY_TIMEOUT_S = 5
"""How long a SQLite writer waits for the write lock."""
_NO_SUCH_TABLE = 1146
"""MySQL's error code. SQLite raises an OperationalError instead."""


def parse_database_url(url: str) -> URL:
    """Parse the URL of a supported database; plain ``mysql://`` means PyMySQL.

    Raises ``ValueError`` without quoting the URL, which may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(
            "the database URL is malformed; write it like mysql+pymysql://USER:PASSWORD@HOST/NAME"
        ) from None
    if parsed.drivername in {"mysql", "mariadb"}:
        parsed = parsed.set(drivername=f"{parsed.drivername}+pymysql")
    if parsed.drivername.split("+")[-1] not in {"sqlite", "pysqlite", "pymysql"}:
        raise ValueError(f"{parsed.drivername} is not supported; use sqlite:/// or mysql+pymysql://")
    return parsed


def connect(url: str, timeout_s: int = 5) -> Engine:
    """Create an engine, without opening a connection.

    ``timeout_s`` is the read and write timeout for MySQL, in seconds. Open SQLite transactions that write with
    :func:`writing`.
    """
    parsed = parse_database_url(url)
    return _sqlite_engine(parsed) if parsed.get_backend_name() == "sqlite" else _mysql_engine(parsed, timeout_s)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that takes SQLite's write lock at its start, so that its reads stay valid until it commits."""
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


def is_unavailable(error: SQLAlchemyError) -> bool:
    """Whether the database is unreachable, too busy, or has no tables yet, so that a later retry may succeed."""
    if isinstance(error, ProgrammingError):
        return error.orig is not None and error.orig.args[:1] == (_NO_SUCH_TABLE,)
    return isinstance(error, InterfaceError | OperationalError | PoolTimeout)


def _mysql_engine(url: URL, timeout_s: int) -> Engine:
    defaults: dict[str, Any] = {
        "charset": "utf8mb4",
        "connect_timeout": _CONNECT_TIMEOUT_S,
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


def _sqlite_engine(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        path = Path(url.database)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # connecting raises the clearer error
            path.touch(mode=0o600)  # SQLite would create a world-readable file, and it holds users and their histories
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT_S}, pool_timeout=_BUSY_TIMEOUT_S
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # no implicit transactions: _begin_sqlite starts them
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA wal_autocheckpoint=4000")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
