"""Checks that an environment decodes photos to the same pixels.

python -m benchmarks.peers.pixels FOLDER COUNT MODEL
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from models.zoo import resolve_model
from serve_app.images.decoding import decode


def digest(photos: Iterable[bytes], model: str) -> str:
    """SHA-256 of the tensors of all photos."""
    transform, total = resolve_model(model).transform, hashlib.sha256()
    for photo in photos:
        total.update(decode(photo, transform)[1].tobytes())
    return total.hexdigest()


def digest_in(python: Path, root: Path, folder: Path, count: int, model: str) -> str:
    """The digest computed by another interpreter, or its error output."""
    command = [str(python), "-m", "benchmarks.peers.pixels", str(folder), str(count), model]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False, timeout=300)
    return (done.stdout if not done.returncode else done.stderr).strip()


if __name__ == "__main__":
    print(digest((Path(sys.argv[1], str(number)).read_bytes() for number in range(int(sys.argv[2]))), sys.argv[3]))
