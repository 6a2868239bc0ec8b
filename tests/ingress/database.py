"""The embedded database of an API under test."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from serve_app.database import schema


def provide_database(folder: Path) -> None:
    """Copy a migrated database into a data folder that has none, which is faster than migrating it."""
    path = folder / "raylens.db"
    if not path.exists():
        path.write_bytes(_migrated_database())


@cache
def _migrated_database() -> bytes:
    with TemporaryDirectory() as folder:
        schema.upgrade(f"sqlite:///{folder}/raylens.db")
        return Path(folder, "raylens.db").read_bytes()
