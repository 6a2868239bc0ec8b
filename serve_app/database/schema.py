"""Creates and changes the tables of every part: Alembic, run from the packages themselves."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, text

import auth.tables
import serve_app.statistics.tables
from serve_app.database.engine import connect

log = structlog.get_logger(__name__)
SLOW_S: Final = 600
"""A change of a large table may take this long; as long another process waits for it."""
ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Part:
    """Tables that change together, in a numbering of their own."""

    name: str
    metadata: MetaData
    migrations: Path

    @property
    def version_table(self) -> str:
        return f"{self.name}_version"

    def current(self, connection: Connection) -> str | None:
        """The revision the tables are at; None where there are none."""
        return self._context(connection).get_current_revision()

    def head(self) -> str | None:
        """The revision this version of Raylens needs."""
        return ScriptDirectory.from_config(self.config(None)).get_current_head()

    def knows(self, revision: str | None) -> bool:
        """Whether it is one of this version's, or none yet."""
        script = ScriptDirectory.from_config(self.config(None))
        return revision is None or revision in {each.revision for each in script.walk_revisions()}

    def differences(self, connection: Connection) -> list[object]:
        """What distinguishes the tables that are there from those the code expects."""
        return list(compare_metadata(self._context(connection), self.metadata))

    def _context(self, connection: Connection) -> MigrationContext:
        options = {"version_table": self.version_table, "include_name": self._is_ours, "compare_type": True}
        return MigrationContext.configure(connection, opts=options)

    def _is_ours(self, name: str | None, type_: str, _parents: object) -> bool:
        """Other parts, and others, keep tables in the same database: Alembic shall not see them."""
        return type_ != "table" or name in self.metadata.tables

    def config(self, connection: Connection | None) -> Config:
        config = Config()
        config.set_main_option("script_location", _escaped(ROOT / "serve_app" / "database" / "migrations"))
        config.set_main_option("version_locations", _escaped(self.migrations))
        config.set_main_option("path_separator", "newline")
        config.attributes |= {"connection": connection, "version_table": self.version_table}
        return config


PARTS: Final = (
    Part("statistics", serve_app.statistics.tables.metadata, ROOT / "serve_app" / "statistics" / "migrations"),
    Part("auth", auth.tables.metadata, ROOT / "auth" / "migrations"),
)


def upgrade(url: str) -> None:
    """Bring all tables to the newest revision. Several processes may call this at once; harmless where all is done.

    Tables of a newer Raylens stay as they are: they suit the version before as well, so one can go back to it.
    """
    with _locked(url) as connection:
        for part in PARTS:
            revision = part.current(connection)
            connection.rollback()  # Alembic commits only a transaction that it began itself
            if part.knows(revision):
                command.upgrade(part.config(connection), "head")
            else:
                log.warning("schema_newer_than_code", part=part.name, revision=revision, revision_needed=part.head())


def downgrade(url: str, part: Part, revision: str) -> None:
    """Take changes of one part back, to ``base`` for all of them: the tables and what is in them are gone."""
    with _locked(url) as connection:
        command.downgrade(part.config(connection), revision)


def current(engine: Engine) -> dict[str, str | None]:
    """The revision of each part's tables; None where there are none."""
    with engine.connect() as connection:
        return {part.name: part.current(connection) for part in PARTS}


def head() -> dict[str, str | None]:
    """The revision of each part this version of Raylens needs."""
    return {part.name: part.head() for part in PARTS}


def told(revisions: dict[str, str | None]) -> str | None:
    """For people: ``statistics 0001, auth 0001``; None where there are no tables at all."""
    return ", ".join(f"{part} {revision}" for part, revision in revisions.items() if revision) or None


def differences(engine: Engine) -> list[object]:
    """What distinguishes the tables that are there from those the code expects."""
    with engine.connect() as connection:
        return [difference for part in PARTS for difference in part.differences(connection)]


def _escaped(path: Path) -> str:
    """As Alembic's configuration wants it."""
    return str(path).replace("%", "%%")


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
