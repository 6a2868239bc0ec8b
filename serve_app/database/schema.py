"""Creates and migrates all tables with Alembic, without an alembic.ini."""

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
from serve_app.database.engine import connect
from serve_app.statistics.tables import statistics_metadata

log = structlog.get_logger(__name__)
_TIMEOUT_S: Final = 600
"""For one migration of a large table, and for waiting until another process has migrated."""
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class MigrationSet:
    """A set of tables with its own sequence of migrations and its own version table."""

    name: str
    metadata: MetaData
    migrations: Path

    @property
    def version_table(self) -> str:
        return f"{self.name}_version"

    def current(self, connection: Connection) -> str | None:
        """The revision of the tables in the database; None if there are no tables."""
        return self._context(connection).get_current_revision()

    def head(self) -> str | None:
        """The revision that this version of Raylens needs."""
        return ScriptDirectory.from_config(self.config(None)).get_current_head()

    def has_revision(self, revision: str | None) -> bool:
        """Whether this version of Raylens can migrate from ``revision``; True for None."""
        script = ScriptDirectory.from_config(self.config(None))
        return revision is None or revision in {known.revision for known in script.walk_revisions()}

    def differences(self, connection: Connection) -> list[object]:
        """The differences between the tables in the database and those the code expects."""
        return list(compare_metadata(self._context(connection), self.metadata))

    def _context(self, connection: Connection) -> MigrationContext:
        options = {"version_table": self.version_table, "include_name": self._is_ours, "compare_type": True}
        return MigrationContext.configure(connection, opts=options)

    def _is_ours(self, name: str | None, type_: str, _parents: object) -> bool:
        """Hide the tables of other migration sets and other applications from Alembic."""
        return type_ != "table" or name in self.metadata.tables

    def config(self, connection: Connection | None) -> Config:
        config = Config()
        config.set_main_option("script_location", _escaped(_ROOT / "serve_app" / "database" / "migrations"))
        config.set_main_option("version_locations", _escaped(self.migrations))
        config.set_main_option("path_separator", "newline")
        config.attributes |= {"connection": connection, "version_table": self.version_table}
        return config


MIGRATION_SETS: Final = (
    MigrationSet("statistics", statistics_metadata, _ROOT / "serve_app" / "statistics" / "migrations"),
    MigrationSet("auth", auth.tables.auth_metadata, _ROOT / "auth" / "migrations"),
)


def upgrade(url: str) -> None:
    """Migrate all tables to the newest revision. Idempotent, and safe to call from several processes.

    Tables of a newer version of Raylens are left unchanged: the previous version works with them, which allows a
    rollback.
    """
    with _locked(url) as connection:
        for migrations in MIGRATION_SETS:
            revision = migrations.current(connection)
            connection.rollback()  # Alembic commits only transactions that it has begun itself
            if migrations.has_revision(revision):
                command.upgrade(migrations.config(connection), "head")
            else:
                log.warning(
                    "schema_newer_than_code",
                    tables=migrations.name,
                    revision=revision,
                    revision_needed=migrations.head(),
                )


def downgrade(url: str, migrations: MigrationSet, revision: str) -> None:
    """Revert migrations down to ``revision``. ``base`` drops the tables and their data."""
    with _locked(url) as connection:
        command.downgrade(migrations.config(connection), revision)


def current(engine: Engine) -> dict[str, str | None]:
    """The current revision of each migration set; None if it has no tables."""
    with engine.connect() as connection:
        return {migrations.name: migrations.current(connection) for migrations in MIGRATION_SETS}


def head() -> dict[str, str | None]:
    """The revision of each migration set that this version of Raylens needs."""
    return {migrations.name: migrations.head() for migrations in MIGRATION_SETS}


def describe(revisions: dict[str, str | None]) -> str | None:
    """Human-readable: ``statistics 0001, auth 0001``; None if there are no tables."""
    return ", ".join(f"{name} {revision}" for name, revision in revisions.items() if revision) or None


def differences(engine: Engine) -> list[object]:
    """The differences between the tables in the database and those the code expects."""
    with engine.connect() as connection:
        return [difference for migrations in MIGRATION_SETS for difference in migrations.differences(connection)]


def _escaped(path: Path) -> str:
    """Escape percent signs for Alembic's configuration."""
    return str(path).replace("%", "%%")


@contextmanager
def _locked(url: str) -> Iterator[Connection]:
    engine = connect(url, timeout_s=_TIMEOUT_S)
    try:
        with _sqlite_lock(engine) if engine.dialect.name == "sqlite" else _mysql_lock(engine) as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _sqlite_lock(engine: Engine) -> Iterator[Connection]:
    """Lock a file next to the database, because SQLite does not wait for a lock when the journal mode changes."""
    with Path(f"{engine.url.database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
            yield connection


@contextmanager
def _mysql_lock(engine: Engine) -> Iterator[Connection]:
    """Take a named lock of the server, which releases it if this process dies."""
    name = {"name": f"raylens.{engine.url.database}"[:64]}
    with engine.connect() as connection:
        if connection.scalar(text("SELECT GET_LOCK(:name, :wait)"), {**name, "wait": _TIMEOUT_S - 60}) != 1:
            raise TimeoutError("another process is still migrating the tables; try again later")
        connection.commit()
        yield connection
        connection.execute(text("SELECT RELEASE_LOCK(:name)"), name)
