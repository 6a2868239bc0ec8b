"""Stored credentials: one file per server, readable by its owner only."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import platformdirs

from serve_app.cli.address import Address
from serve_app.cli.credential import StoredCredential
from serve_app.cli.errors import CommandError

_LOCK_TIMEOUT_S: Final = 60.0
"""Longer than a token request of the process that holds the lock may take."""
_LOCK_POLL_S: Final = 0.05


class LocalCredentialStore:
    """Files are replaced atomically: reading needs no lock, a change that depends on what was read does."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(platformdirs.user_config_dir("raylens")) / "credentials"

    def get(self, address: Address) -> StoredCredential | None:
        """None if there is no credential for this server. Raises CommandError if the file cannot be read."""
        path = self._path(address)
        try:
            credential = StoredCredential.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise CommandError(
                f"{path} cannot be read; sign in again with `raylens login --server {address}`."
            ) from None
        return credential if credential.server == address.url else None

    def put(self, credential: StoredCredential) -> None:
        """Raises CommandError if the file cannot be written."""
        path = self._path(Address(credential.server))
        try:
            self._make_folder()
            with tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False) as draft:  # readable by its owner only
                try:
                    draft.write(credential.model_dump_json())
                    draft.flush()
                    os.fsync(draft.fileno())  # losing a refresh token loses the sign-in
                    Path(draft.name).replace(path)
                except BaseException:
                    Path(draft.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None

    def delete(self, address: Address) -> None:
        """Delete the credential, if there is one. Raises CommandError if the file cannot be deleted."""
        try:
            self._path(address).unlink(missing_ok=True)
        except OSError as error:
            raise CommandError(f"{self._path(address)} cannot be deleted: {error.strerror}.") from None

    @contextmanager
    def locked(self, address: Address) -> Iterator[None]:
        """Exclusive access to one server's credential among processes and threads.

        The system releases the lock of a process that dies. Raises CommandError if the lock stays taken.
        """
        path = self._path(address).with_suffix(".lock")
        try:
            self._make_folder()
            lock = path.open("a")
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        with lock:
            deadline = time.monotonic() + _LOCK_TIMEOUT_S
            while not _try_lock(lock.fileno()):
                if time.monotonic() > deadline:
                    raise CommandError(f"Another raylens command holds {path}; end that command and try again.")
                time.sleep(_LOCK_POLL_S)
            yield

    def device_key_path(self, address: Address) -> Path:
        """Where the key of this device for a server is stored; it outlives the credential."""
        return self._path(address).with_suffix(".device.pem")

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def _path(self, address: Address) -> Path:
        return self.folder / f"{quote(address.url, safe='')}.json"


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
