"""Ray's shared memory."""

import shutil
from pathlib import Path
from typing import Any, Final

OBJECT_STORE_BYTES: Final = 512 << 20
"""Size of Ray's shared memory."""
_MIN_BYTES: Final = 80 << 20
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108


def object_store_options(folder: Path) -> dict[str, Any]:
    """The arguments of ``ray.init``: as much shared memory as there is, or files in ``folder`` if it is too little.

    Raylens itself needs little of it, because batches travel as messages.
    """
    if not _SHARED_MEMORY.is_dir():  # macOS
        return {"object_store_memory": OBJECT_STORE_BYTES, "_plasma_directory": str(folder)}
    size = min(OBJECT_STORE_BYTES, shutil.disk_usage(_SHARED_MEMORY).free * 4 // 5)
    if size < _MIN_BYTES:
        return {"object_store_memory": _MIN_BYTES, "_plasma_directory": str(folder)}
    return {"object_store_memory": size}
