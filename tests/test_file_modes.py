"""Other users of the machine cannot read what Raylens writes, whatever the mask of new files is."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.cli.address import Address
from serve_app.cli.credential_store import LocalCredentialStore
from serve_app.cluster.auth_token import token_flags
from serve_app.cluster.run_folder import RunFolder
from serve_app.database.backup import back_up
from serve_app.database.embedded_file import check_folder
from serve_app.database.schema import upgrade
from serve_app.secret_key import stored_key
from serve_app.statistics.spool import Spool
from tests.cli.credentials import api_key
from tests.statistics.examples import example


@pytest.fixture(params=[0o000, 0o022])
def mask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def readable_for_others(root: Path) -> list[str]:
    """Files and folders that other users can read or change. Folders that they cannot enter protect their content."""
    found: list[str] = []
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder, name)
            if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o007:
                found.append(str(path.relative_to(root)))
        names[:] = [name for name in names if Path(folder, name).stat().st_mode & 0o001]
    return found


@pytest.mark.usefixtures("mask")
def test_other_users_can_read_nothing(tmp_path: Path) -> None:
    """All that holds secrets or records: the data folder, a backup, sign-ins, and the folder of a running service."""
    tmp_path.chmod(0o755)
    data = tmp_path / "data"
    data.mkdir()  # by the user, with the mode of the mask
    check_folder(data)
    stored_key(data)
    upgrade(f"sqlite:///{data / 'raylens.db'}")
    spool = Spool(data / "spool")
    spool.put([example()])
    with spool.drain_lock():
        pass
    back_up(data / "raylens.db", data, tmp_path / "backup")
    store = LocalCredentialStore(tmp_path / "credentials")
    store.put(api_key("https://raylens.example.org"))
    with store.locked(Address("https://raylens.example.org")):
        pass
    assert readable_for_others(tmp_path) == []


@pytest.mark.usefixtures("mask")
def test_the_folder_of_a_running_service_keeps_others_out() -> None:
    folder = RunFolder()
    try:
        token_flags(folder.path, {})
        assert folder.path.stat().st_mode & 0o777 == 0o700
        assert [path for path in folder.path.iterdir() if path.stat().st_mode & 0o077] == []
    finally:
        folder.close()


def test_an_existing_folder_is_closed_for_other_users(tmp_path: Path) -> None:
    """Its group may look, so that backups of another user are possible."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o775)
    check_folder(data)
    assert data.stat().st_mode & 0o777 == 0o750
