"""The state of the database for operators: revisions, rows and spooled records."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from serve_app.database import schema
from serve_app.database.database_url import parse_database_url
from serve_app.database.engine import connect
from serve_app.statistics.spool import Spool
from serve_app.statistics.tables import statistics_metadata


def database_state(url: str, spool_dir: Path) -> dict[str, Any]:
    """The URL without its password, the revisions, the rows of each table and the number of spooled records."""
    engine = connect(url, timeout_s=60)
    try:
        revisions = schema.current(engine)
        return {
            "database": parse_database_url(url).render_as_string(hide_password=True),
            "revision": schema.describe(revisions),
            "revision_needed": schema.describe(schema.head()),
            **(_rows(engine) if revisions["statistics"] else {}),
            "records_pending": Spool(spool_dir).pending(),
        }
    finally:
        engine.dispose()


def _rows(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in statistics_metadata.tables.items()
        }
