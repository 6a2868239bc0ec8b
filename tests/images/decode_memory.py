"""Measures the memory that decoding takes, each file in a process of its own.

``python -m tests.images.decode_memory FILE …`` prints a line of JSON per file.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from models.spec import Transform
from serve_app.errors import RaylensError
from serve_app.images.decoding import decode, open_image
from serve_app.images.formats import ALLOWED
from serve_app.images.sample import sample

TRANSFORM: Final = Transform.square(32, 1.0)

_UNIT: Final = 1 if sys.platform == "darwin" else 1024
"""Bytes per unit of ru_maxrss."""


class Decoded(NamedTuple):
    """``error`` is its code or empty; ``claimed`` and ``grown`` are bytes, ``seconds`` are of the processor."""

    error: str
    claimed: int
    grown: int
    seconds: float


def measure(files: Sequence[Path]) -> list[Decoded]:
    """Decode in fresh processes.

    :raises ChildProcessError: a process ended by a signal.
    """
    command = [sys.executable, "-m", "tests.images.decode_memory", *map(str, files)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    if done.returncode:
        raise ChildProcessError(done.stderr[-2000:])
    return [Decoded(*json.loads(line)) for line in done.stdout.splitlines()]


def _measured(files: Sequence[str]) -> Iterator[Decoded]:
    for file_format in ALLOWED:
        decode(sample(file_format), TRANSFORM)
    for name in files:
        data = Path(name).read_bytes()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, json.dumps(_decoded(data)).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            answer = pipe.read()
        _, status, usage = os.wait4(child, 0)
        if status:
            raise ChildProcessError(f"{name}: signal {status & 127}")
        error, claimed, before = json.loads(answer)
        seconds = usage.ru_utime + usage.ru_stime
        yield Decoded(error, claimed, usage.ru_maxrss * _UNIT - before, round(seconds, 3))


def _decoded(data: bytes) -> tuple[str, int, int]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    claimed = 0
    try:
        opened = open_image(data, TRANSFORM)
        claimed = opened.decoded_bytes
        opened.pixels()
    except RaylensError as error:
        return error.code, claimed, before
    return "", claimed, before


if __name__ == "__main__":
    for decoded in _measured(sys.argv[1:]):
        print(json.dumps(decoded), flush=True)
