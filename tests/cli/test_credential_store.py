import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.cli.address import Address
from serve_app.cli.credential_store import LocalCredentialStore
from serve_app.cli.errors import CommandError
from tests.cli.credentials import api_key, signed_in

URL = "https://raylens.example.org"
ADDRESS = Address(URL)


@pytest.fixture
def store() -> LocalCredentialStore:
    return LocalCredentialStore()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_credential_is_stored_per_server(store):
    credentials = [signed_in(URL), api_key("http://127.0.0.1:8000")]
    for credential in credentials:
        store.put(credential)
    assert [LocalCredentialStore().get(Address(credential.server)) for credential in credentials] == credentials
    assert store.get(Address("https://example.org")) is None


def test_only_the_owner_can_read_the_file(store, config_folder):
    before = os.umask(0)
    try:
        store.put(signed_in(URL))
    finally:
        os.umask(before)
    [file] = config_folder.iterdir()
    assert (mode(config_folder), mode(file)) == (0o700, 0o600)


def test_a_readable_folder_is_made_private(store, config_folder):
    config_folder.mkdir(parents=True, mode=0o755)
    store.put(signed_in(URL))
    assert mode(config_folder) == 0o700


def test_the_repr_contains_no_secret():
    assert "rla_first" not in repr(signed_in(URL))
    assert "rlr_first" not in repr(signed_in(URL))


def test_delete_removes_the_file(store, config_folder):
    store.put(signed_in(URL))
    store.delete(ADDRESS)
    store.delete(ADDRESS)
    assert store.get(ADDRESS) is None
    assert list(config_folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"server": "rla_secret"}', b"\xff"])
def test_a_corrupt_file_is_reported_without_its_content(store, config_folder, content):
    store.put(signed_in(URL))
    [file] = config_folder.iterdir()
    file.write_bytes(content)
    with pytest.raises(CommandError, match=f"raylens login --server {URL}") as broken:
        store.get(ADDRESS)
    assert "rla_secret" not in str(broken.value)


def test_the_file_of_another_server_is_ignored(store, config_folder):
    store.put(signed_in(URL))
    [file] = config_folder.iterdir()
    file.rename(file.with_name(file.name.replace("raylens", "evil")))
    assert store.get(Address("https://evil.example.org")) is None


def test_a_failed_write_keeps_the_old_credential(store, config_folder, monkeypatch):
    store.put(signed_in(URL))
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(CommandError, match="No space left"):
        store.put(signed_in(URL, access="rla_second"))
    assert store.get(ADDRESS).token == "rla_first"
    assert len(list(config_folder.iterdir())) == 1


def test_a_folder_that_cannot_be_created(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="cannot be written"):
        LocalCredentialStore(tmp_path / "file" / "credentials").put(signed_in(URL))


HOLD = """
import sys, time
from serve_app.cli.address import Address
from serve_app.cli.credential_store import LocalCredentialStore
with LocalCredentialStore().locked(Address(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder() -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock of URL."""
    with subprocess.Popen([sys.executable, "-c", HOLD, URL], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def test_a_lock_excludes_other_processes_and_ends_with_its_process(store, holder, monkeypatch):
    with store.locked(Address("https://example.org")):
        pass
    with monkeypatch.context() as patch:
        patch.setattr("serve_app.cli.credential_store._LOCK_TIMEOUT_S", 0.1)
        with pytest.raises(CommandError, match="Another raylens command"), store.locked(ADDRESS):
            pytest.fail("two processes held the lock")
    holder.kill()
    with store.locked(ADDRESS):
        pass
