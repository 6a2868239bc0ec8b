"""Measures reads and writes with a growing number of recorded classifications."""

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import inspect

from benchmarks.growth import counter_check
from benchmarks.growth.configuration import faked
from benchmarks.growth.filling import STATEMENT_TIMEOUT_S, fill, size_bytes
from benchmarks.growth.reads import Times, by_api, by_functions
from benchmarks.growth.thumbnails import thumbnails
from benchmarks.serve_yaml import read, write
from benchmarks.service import Service
from serve_app.database.engine import connect
from serve_app.database.schema import MIGRATION_SETS, downgrade

SIZES: Final = (10_000, 100_000, 1_000_000, 10_000_000)
QUICK_SIZES: Final = SIZES[:2]

Step = Callable[[str], None]


class NotEmpty(RuntimeError):
    """The given database already contains tables."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Measurements with one size of the database."""

    rows: int
    fill_s: float
    """Duration of filling the database, seconds."""
    size_bytes: int
    """Disk space including indexes and counters."""
    database: dict[str, Times]
    """By operation: direct function calls in this process."""
    api: dict[str, Times]
    """By operation: through the running service."""


def measure(sizes: tuple[int, ...], database_url: str, step: Step) -> tuple[str, list[Recorded]]:
    """Return the kind of the database and one measurement per size.

    ``database_url``: an empty database; empty string for SQLite in a temporary folder. Raises NotEmpty,
    CounterMismatch, ServiceFailed, LoadFailed, or errors of the database driver.
    """
    found = []
    for rows in sizes:
        with tempfile.TemporaryDirectory(prefix="raylens-bench-") as folder, database(database_url, folder) as url:
            found.append(_measure(url, rows, Path(folder), step))
    return kind(database_url), found


def kind(database_url: str) -> str:
    return "SQLite" if not database_url else connect(database_url).dialect.name.replace("mysql", "MySQL or MariaDB")


@contextmanager
def database(given: str, folder: str) -> Iterator[str]:
    """The URL of an empty database, which is emptied again at the end. Raises NotEmpty."""
    if not given:
        yield f"sqlite:///{folder}/filled.db"
        return
    engine = connect(given)
    tables = inspect(engine).get_table_names()
    engine.dispose()
    if tables:
        raise NotEmpty(f"The database contains tables ({', '.join(tables[:3])}, …); use an empty one.")
    try:
        yield given
    finally:
        _clear(given)


def _clear(url: str) -> None:
    for migrations in MIGRATION_SETS:
        downgrade(url, migrations, "base")
    engine = connect(url, timeout_s=STATEMENT_TIMEOUT_S)
    with engine.begin() as connection:
        for table in inspect(engine).get_table_names():
            connection.exec_driver_sql(f"DROP TABLE {table}")
    engine.dispose()


def _measure(url: str, rows: int, folder: Path, step: Step) -> Recorded:
    now_s = time.time()
    title = f"{rows:,} classifications"
    step(f"{title}: filling")
    fill_s = fill(url, rows, lambda there: step(f"{title}: filling, {100 * there // rows} %"), now_s)
    engine = connect(url, timeout_s=STATEMENT_TIMEOUT_S)
    secret_key = secrets.token_hex(32)
    try:
        step(f"{title}: comparing counters and rows")
        counter_check.check(engine, rows, now_s)
        size = size_bytes(engine)
        step(f"{title}: reading")
        database = by_functions(engine, secret_key, now_s)
    finally:
        engine.dispose()
    step(f"{title}: reading through the API")
    (photo,) = thumbnails(1)
    config = write(faked(read(), 1, 0.0), folder / "serve.yaml")
    settings = {"RAYLENS_DATABASE_URL": url, "RAYLENS_SECRET_KEY": secret_key}
    with Service(folder, photo, config, settings) as service:
        api = by_api(service, photo, secret_key, now_s)
    return Recorded(rows, fill_s, size, database, api)
