"""MariaDB databases with tables and no rows: migrated once per test run, then copied."""

from collections import deque
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, delete
from sqlalchemy.exc import ProgrammingError

from serve_app.database import schema
from serve_app.database.engine import connect
from tests.servers.mariadb import MariaDB

TEMPLATE: Final = "migrated"
"""A migrated database that no test writes to."""

_DATABASES: Final = 6
"""Databases in rotation, so that unfinished work of one test rarely meets rows of the next."""


def make_data_folder(folder: Path) -> None:
    """Install MariaDB in ``folder`` with the template and its copies, for servers that start on a copy of it."""
    server = MariaDB(folder)
    server.start()
    try:
        schema.upgrade(server.create_database(TEMPLATE))
        for number in range(_DATABASES):
            _copy_template(server, f"{TEMPLATE}_{number}")
    finally:
        server.stop()


class MigratedDatabases:
    """Hands out the databases of a server in rotation. Deleting all rows is a hundred times faster than migrating."""

    def __init__(self, server: MariaDB) -> None:
        """``server`` runs on a copy of a folder of :func:`make_data_folder`."""
        self._server = server
        urls = [server.url_of(f"{TEMPLATE}_{number}") for number in range(_DATABASES)]
        self._databases = deque((url, connect(url, timeout_s=60)) for url in urls)

    def take(self) -> str:
        """The URL of the least recently used database, emptied."""
        url, engine = self._databases.popleft()
        if not _delete_rows(engine):
            engine.dispose()
            url = _copy_template(self._server, self._server.unused_name())
            engine = connect(url, timeout_s=60)
        self._databases.append((url, engine))
        return url

    def close(self) -> None:
        for _, engine in self._databases:
            engine.dispose()


def _copy_template(server: MariaDB, name: str) -> str:
    """Copy the template's tables, with their foreign keys, and the revisions that it stores."""
    url = server.create_database(name)
    engine = connect(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET foreign_key_checks = 0")
        for (table,) in connection.exec_driver_sql(f"SHOW TABLES FROM {TEMPLATE}").all():
            _, statement = connection.exec_driver_sql(f"SHOW CREATE TABLE {TEMPLATE}.{table}").one()
            connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM {TEMPLATE}.{table}")
    engine.dispose()
    return url


def _delete_rows(engine: Engine) -> bool:
    """Empty the tables; False if a test dropped some of them."""
    try:
        with engine.begin() as connection:
            for migrations in schema.MIGRATION_SETS:
                for table in reversed(migrations.metadata.sorted_tables):
                    connection.execute(delete(table))
    except ProgrammingError:
        return False
    return True
