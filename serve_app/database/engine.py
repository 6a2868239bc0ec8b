"""Database engines for SQLite (embedded) and for MySQL or MariaDB."""

import contextlib
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from serve_app.database.database_url import parse_database_url

_CONNECT_TIMEOUT_S = 3
_BUSY_TIMEOUT_S = 5
"""How long a SQLite writer waits for the write lock."""
_POLL_S: Final = 0.002
"""How often it tries. SQLite itself tries every 100 ms in the end, so among many writers some would time out."""
_TIMEOUT_MS: Final = "busy_timeout_ms"
"""Of a SQLite connection, kept beside it in the pool."""
_SQL_MODE = "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION"
"""Of every session, whatever the server's default is. Without strict mode MySQL would store truncated values."""

_TRUE = frozenset({"true", "1"})


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
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


def _mysql_engine(url: URL, timeout_s: int) -> Engine:
    seconds: dict[str, Any] = {
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "read_timeout": timeout_s,
        "write_timeout": timeout_s,
    }
    return create_engine(
        url.difference_update_query([name for name in url.query if name.startswith("ssl_")]),
        hide_parameters=True,
        connect_args={
            **{name: value for name, value in seconds.items() if name not in url.query},
            "charset": "utf8mb4",
            "sql_mode": _SQL_MODE,
            # PyMySQL would encode it as Latin-1; MySQL's own clients, which set it, send UTF-8.
            **({"password": url.password.encode()} if url.password else {}),
            **_tls_arguments({name: str(value) for name, value in url.query.items()}),
        },
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_recycle=1800,
        pool_timeout=timeout_s,
    )


def _tls_arguments(options: dict[str, str]) -> dict[str, Any]:
    """The options of PyMySQL. SQLAlchemy passes on only some of those in a URL, and PyMySQL then ignores the others."""
    if options.get("ssl_disabled", "").lower() in _TRUE:
        return {"ssl_disabled": True}
    tls: dict[str, Any] = {
        key: options[name]
        for name, key in (
            ("ssl_ca", "ca"),
            ("ssl_capath", "capath"),
            ("ssl_cert", "cert"),
            ("ssl_cipher", "cipher"),
            ("ssl_key", "key"),
            ("ssl_key_password", "password"),
        )
        if name in options
    }
    for name, key in (
        ("ssl_check_hostname", "check_hostname"),
        ("ssl_verify_identity", "check_hostname"),
        ("ssl_verify_cert", "verify_mode"),
    ):
        if name in options:
            tls[key] = options[name].lower() in _TRUE
    return {"ssl": tls} if tls else {}


def _sqlite_engine(url: URL) -> Engine:
    path = Path(url.database or "")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # connecting raises the clearer error
        path.touch(mode=0o600)  # SQLite would create a world-readable file, and it holds users and their histories
    timeout = {} if "timeout" in url.query else {"timeout": _BUSY_TIMEOUT_S}
    engine = create_engine(url, hide_parameters=True, connect_args=timeout, pool_timeout=_BUSY_TIMEOUT_S)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", partial(_begin_sqlite, threading.Lock()))
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # no implicit transactions: _begin_sqlite starts them
    try:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        (entry.info[_TIMEOUT_MS],) = connection.execute("PRAGMA busy_timeout").fetchone()
    except sqlite3.Error:  # the file is damaged; SQLAlchemy does not close a connection that fails here
        connection.close()
        raise


def _begin_sqlite(first: threading.Lock, connection: Connection) -> None:
    """Uses the driver's connection, because SQLAlchemy would take ten times as long for the statement."""
    sqlite = connection.connection.dbapi_connection
    assert isinstance(sqlite, sqlite3.Connection)  # noqa: S101 - for the type checker
    if connection.get_execution_options().get("writes", False):
        _begin_writing(first, connection, sqlite)
        return
    try:
        sqlite.execute("BEGIN")
    except sqlite3.Error:
        connection.exec_driver_sql("BEGIN")  # raises the error as one of SQLAlchemy's


def _begin_writing(first: threading.Lock, connection: Connection, sqlite: sqlite3.Connection) -> None:
    """``first``: held by the thread that tries; the others wait for it, because each try takes the interpreter lock."""
    timeout_ms = connection.info[_TIMEOUT_MS]
    deadline = time.monotonic() + timeout_ms / 1e3
    sqlite.execute("PRAGMA busy_timeout=0")
    is_first = first.acquire(timeout=timeout_ms / 1e3)
    try:
        while not _try_to_begin(sqlite) and time.monotonic() < deadline:
            time.sleep(_POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret
        if not sqlite.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises the error as one of SQLAlchemy's
    finally:
        if is_first:
            first.release()
        sqlite.execute(f"PRAGMA busy_timeout={timeout_ms}")


def _try_to_begin(sqlite: sqlite3.Connection) -> bool:
    """Begin a transaction. False if another one is writing. Any other error is left to the caller."""
    try:
        sqlite.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY
    return True
