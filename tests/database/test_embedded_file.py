"""What prevents the start: a folder or an embedded database that cannot be used, and a damaged secret key."""

from pathlib import Path

import pytest

from serve_app.database.embedded_file import DataUnusable, check_file, check_folder
from serve_app.settings import MissingSecretKey, Settings
from tests.small_disk import mounted


def test_usable_data_is_left_as_it_is(tmp_path: Path, sqlite_template: Path) -> None:
    check_folder(tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder").stat().st_mode & 0o077 == 0
    check_file(tmp_path / "missing.db")
    assert not (tmp_path / "missing.db").exists()
    before = sqlite_template.read_bytes()
    check_file(sqlite_template)
    assert sqlite_template.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database " * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_database_prevents_the_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "raylens.db").write_bytes(content)
    with pytest.raises(DataUnusable, match=r"raylens\.db cannot be used: .*restore a backup"):
        check_file(tmp_path / "raylens.db")


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in ("file", "file/data"):
        with pytest.raises(DataUnusable, match="cannot be created"):
            check_folder(tmp_path / folder)


def test_a_read_only_disk(tmp_path: Path, sqlite_template: Path) -> None:
    with mounted(tmp_path / "disk", mib=2) as disk:
        path = disk.folder / "raylens.db"
        path.write_bytes(sqlite_template.read_bytes())
        disk.make_read_only(True)
        with pytest.raises(DataUnusable, match="RAYLENS_DATA_DIR"):
            check_folder(disk.folder)
        with pytest.raises(DataUnusable, match="cannot be created"):
            check_folder(disk.folder / "data")
        with pytest.raises(DataUnusable, match="cannot be used"):
            check_file(path)


def test_an_existing_database_on_a_full_disk_does_not_prevent_the_start(tmp_path: Path, sqlite_template: Path) -> None:
    """Reads may still work, and the service recovers once there is space."""
    with mounted(tmp_path / "disk", mib=2) as disk:
        path = disk.folder / "raylens.db"
        path.write_bytes(sqlite_template.read_bytes())
        disk.fill()
        check_folder(disk.folder)
        check_file(path)


def test_no_key_is_created_on_a_full_disk(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", mib=1) as disk:
        disk.fill()
        with pytest.raises(MissingSecretKey, match="No space left on device"):
            _ = Settings(_env_file=None, data_dir=disk.folder).signing_keys
        assert not (disk.folder / "secret.key").exists()
        disk.free()
        assert len(Settings(_env_file=None, data_dir=disk.folder).signing_keys[0]) == 64


@pytest.mark.parametrize("content", ["", "short", "\n" * 64])
def test_a_damaged_key_is_not_used(tmp_path: Path, content: str) -> None:
    """An empty key would sign, and anyone could forge what it signed."""
    (tmp_path / "secret.key").write_text(content)
    with pytest.raises(MissingSecretKey, match="damaged"):
        _ = Settings(_env_file=None, data_dir=tmp_path).signing_keys


def test_a_path_that_is_too_long_for_sqlite(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["n" * 99] * 6)
    check_folder(folder)
    with pytest.raises(DataUnusable, match="SQLite allows 500"):
        check_file(folder / "raylens.db")
