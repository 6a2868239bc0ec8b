"""Creates and changes the tables: Alembic, run from the package itself."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from serve_app.statistics.database import connect
from serve_app.statistics.tables import metadata

VERSION_TABLE = "statistics_version"
SLOW_S = 600
"""A change of a large table may take this long; as long another process waits for it."""


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the tables to ``revision``. Several processes may call this at once; does nothing where all is done."""
    with _locked(url) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(url: str, revision: str) -> None:
    """Take changes back, to ``base`` for all of them: the tables and what is in them are gone."""
    with _locked(url) as connection:
        command.downgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """The revision the tables are at; None where there are none."""
    with engine.connect() as connection:
        return _context(connection).get_current_revision()


def head() -> str | None:
    """The revision this version of Raylens needs."""
    return ScriptDirectory.from_config(_config(None)).get_current_head()


def differences(engine: Engine) -> list[object]:
    """What distinguishes the tables that are there from those the code expects."""
    with engine.connect() as connection:
        return list(compare_metadata(_context(connection), metadata))


def _context(connection: Connection) -> MigrationContext:
    options = {"version_table": VERSION_TABLE, "include_name": include_name, "compare_type": True}
    return MigrationContext.configure(connection, opts=options)


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    """Other packages keep tables in the same database: Alembic shall not see them."""
    return type_ != "table" or name in metadata.tables


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _locked(url: str) -> Iterator[Connection]:
    engine = connect(url, timeout_s=SLOW_S)
    try:
        with _sqlite_lock(engine) if engine.dialect.name == "sqlite" else _mysql_lock(engine) as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _sqlite_lock(engine: Engine) -> Iterator[Connection]:
    """A file beside the database: SQLite does not wait its turn where the journal mode changes."""
    with Path(f"{engine.url.database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
            yield connection


@contextmanager
def _mysql_lock(engine: Engine) -> Iterator[Connection]:
    """A lock of the server's, named after the database; the server drops it when this process dies."""
    name = {"name": f"raylens.{engine.url.database}"[:64]}
    with engine.connect() as connection:
        if connection.scalar(text("SELECT GET_LOCK(:name, :wait)"), {**name, "wait": SLOW_S - 60}) != 1:
            raise TimeoutError("another process is changing the tables and does not finish")
        connection.commit()
        yield connection
        connection.execute(text("SELECT RELEASE_LOCK(:name)"), name)
