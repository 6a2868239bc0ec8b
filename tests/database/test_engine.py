import os
from pathlib import Path

from serve_app.database import schema


def test_only_the_owner_can_read_the_embedded_database(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        schema.upgrade(f"sqlite:///{tmp_path / 'data' / 'raylens.db'}")
    finally:
        os.umask(before)
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "raylens.db").stat().st_mode & 0o077 == 0
