"""Credentials on disk: a file for each server, readable by its owner only."""

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import platformdirs

from serve_app.cli.address import Address
from serve_app.cli.credential import Credential
from serve_app.cli.failure import Failure

LOCK_EVERY_S: Final = 0.05


def default_folder() -> Path:
    return Path(platformdirs.user_config_dir("raylens")) / "credentials"


class CredentialStore:
    """Files are replaced whole, so who reads needs no lock; who changes one by what it read does."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()

    def get(self, address: Address) -> Credential | None:
        """None where nobody signed in. Raises Failure for a file that cannot be read."""
        path = self._path(address)
        try:
            credential = Credential.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise Failure(f"{path} cannot be read; sign in again with `raylens login --server {address}`.") from None
        return credential if credential.server == address.url else None

    def put(self, credential: Credential) -> None:
        """Raises Failure where nothing can be written."""
        path = self._path(Address(credential.server))
        try:
            self._make_folder()
            with tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False) as draft:  # its owner's alone
                try:
                    draft.write(credential.model_dump_json())
                    draft.flush()
                    os.fsync(draft.fileno())  # a refresh token that is lost is a sign-in that is lost
                    Path(draft.name).replace(path)
                except BaseException:
                    Path(draft.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise Failure(f"{path} cannot be written: {error.strerror}.") from None

    def forget(self, address: Address) -> None:
        """Harmless where there is nothing."""
        try:
            self._path(address).unlink(missing_ok=True)
        except OSError as error:
            raise Failure(f"{self._path(address)} cannot be deleted: {error.strerror}.") from None

    @asynccontextmanager
    async def locked(self, address: Address) -> AsyncIterator[None]:
        """One process at a time for one server; the system drops the lock of one that dies."""
        path = self._path(address).with_suffix(".lock")
        try:
            self._make_folder()
            lock = path.open("a")
        except OSError as error:
            raise Failure(f"{path} cannot be written: {error.strerror}.") from None
        with lock:
            while not _taken(lock.fileno()):  # noqa: ASYNC110 - another process sets no event
                await asyncio.sleep(LOCK_EVERY_S)
            yield

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def _path(self, address: Address) -> Path:
        return self.folder / f"{quote(address.url, safe='')}.json"


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
