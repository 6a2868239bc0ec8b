import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.cli.address import Address
from serve_app.cli.credential_store import CredentialStore
from serve_app.cli.failure import Failure
from tests.cli.credentials import api_key, signed_in

URL = "https://raylens.example.org"
ADDRESS = Address(URL)


@pytest.fixture
def store() -> CredentialStore:
    return CredentialStore()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_put_is_got_by_its_server_alone(store):
    credentials = [signed_in(URL), api_key("http://127.0.0.1:8000")]
    for credential in credentials:
        store.put(credential)
    assert [CredentialStore().get(Address(credential.server)) for credential in credentials] == credentials
    assert store.get(Address("https://example.org")) is None


def test_only_the_owner_can_read_it(store, config_folder):
    before = os.umask(0)
    try:
        store.put(signed_in(URL))
    finally:
        os.umask(before)
    [file] = config_folder.iterdir()
    assert (mode(config_folder), mode(file)) == (0o700, 0o600)


def test_a_folder_others_could_read_is_closed(store, config_folder):
    config_folder.mkdir(parents=True, mode=0o755)
    store.put(signed_in(URL))
    assert mode(config_folder) == 0o700


def test_a_credential_shows_no_secret():
    assert "rla_first" not in repr(signed_in(URL))
    assert "rlr_first" not in repr(signed_in(URL))


def test_what_is_forgotten_is_gone(store, config_folder):
    store.put(signed_in(URL))
    store.forget(ADDRESS)
    store.forget(ADDRESS)
    assert store.get(ADDRESS) is None
    assert list(config_folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"server": "rla_secret"}', b"\xff"])
def test_a_file_that_is_broken_is_one_line_without_what_is_in_it(store, config_folder, content):
    store.put(signed_in(URL))
    [file] = config_folder.iterdir()
    file.write_bytes(content)
    with pytest.raises(Failure, match=f"raylens login --server {URL}") as broken:
        store.get(ADDRESS)
    assert "rla_secret" not in str(broken.value)


def test_a_file_of_another_server_is_not_believed(store, config_folder):
    store.put(signed_in(URL))
    [file] = config_folder.iterdir()
    file.rename(file.with_name(file.name.replace("raylens", "evil")))
    assert store.get(Address("https://evil.example.org")) is None


def test_a_write_that_fails_leaves_what_was_there(store, config_folder, monkeypatch):
    store.put(signed_in(URL))
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(Failure, match="No space left"):
        store.put(signed_in(URL, access="rla_second"))
    assert store.get(ADDRESS).token == "rla_first"
    assert len(list(config_folder.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="cannot be written"):
        CredentialStore(tmp_path / "file" / "credentials").put(signed_in(URL))


HOLD = """
import asyncio, sys
from serve_app.cli.address import Address
from serve_app.cli.credential_store import CredentialStore
async def hold():
    async with CredentialStore().locked(Address(sys.argv[1])):
        print("held", flush=True)
        await asyncio.sleep(60)
asyncio.run(hold())
"""


@pytest.fixture
def holder() -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock of URL."""
    with subprocess.Popen([sys.executable, "-c", HOLD, URL], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


async def test_a_lock_holds_between_processes_and_ends_with_its_process(store, holder):
    async with asyncio.timeout(5), store.locked(Address("https://example.org")):
        pass
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3), store.locked(ADDRESS):
            pytest.fail("two held the lock")
    holder.kill()
    async with asyncio.timeout(5), store.locked(ADDRESS):
        pass
