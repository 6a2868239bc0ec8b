"""Whether a folder's disk takes a file of some size, by writing one: quotas and errors show only then."""

import os
import tempfile
from pathlib import Path
from typing import Final

PROBE_BYTES: Final = 1 << 20
"""Far more than one batch of records, so that a disk that passes has room for some time."""


def check_disk(folder: Path) -> None:
    """Write and delete a file of :data:`PROBE_BYTES` bytes. Raises ``OSError`` if that fails."""
    with tempfile.TemporaryFile(dir=folder, prefix="probe-", suffix=".tmp", buffering=0) as file:
        left = PROBE_BYTES
        while left:
            left -= file.write(bytes(left))
        os.fsync(file.fileno())
