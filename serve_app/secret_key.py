"""The keys that sign and seal what leaves the service and comes back."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

SHORTEST: Final = 32
"""Characters."""


def split_keys(text: str) -> tuple[bytes, ...]:
    """Keys as a setting holds them: separated by commas, the one in use first. Raises ValueError for a short one."""
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if any(len(key) < SHORTEST for key in keys):
        raise ValueError(f"a key has at least {SHORTEST} characters; `openssl rand -hex 32` makes one")
    return tuple(key.encode() for key in keys)


def embedded_key(folder: Path) -> bytes:
    """The key of a data folder: made once, readable by its owner only."""
    path = folder / "secret.key"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as draft:  # readable by its owner only
            draft.write(secrets.token_hex(32).encode())
            draft.flush()
            with contextlib.suppress(FileExistsError):  # another process was faster; its key is the one
                os.link(draft.name, path)
    return path.read_bytes()
