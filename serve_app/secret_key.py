"""The secret keys for signatures and encryption."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

_MIN_LENGTH: Final = 32


def split_keys(text: str) -> tuple[bytes, ...]:
    """Split the setting: keys separated by commas, the one in use first. Raises ValueError if one is too short."""
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if any(len(key) < _MIN_LENGTH for key in keys):
        raise ValueError(f"a key has at least {_MIN_LENGTH} characters; create one with `openssl rand -hex 32`")
    return tuple(key.encode() for key in keys)


def stored_key(folder: Path) -> bytes:
    """The key of a data folder, created if there is none. Only its owner can read it.

    Raises ``OSError`` if it cannot be created or read, ``ValueError`` if the file holds no key.
    """
    path = folder / "secret.key"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as draft:  # mode 0600
            draft.write(secrets.token_hex(32).encode())
            draft.flush()
            os.fsync(draft.fileno())  # a power failure must not leave an empty key
            with contextlib.suppress(FileExistsError):  # another process was faster; use its key
                os.link(draft.name, path)
    key = path.read_bytes()
    if len(key.strip()) < _MIN_LENGTH:
        raise ValueError(f"{path} is damaged; restore it from a backup, or delete it to create a new key")
    return key
