"""Compares the outcome of mutated JPEGs with TurboJPEG and with Pillow alone.

``python -m tests.images.jpeg_outcomes COUNT`` prints how many differ, how many both decode and how many both reject.
"""

import random
import sys
from typing import Final
from unittest.mock import patch

from models.spec import Transform
from serve_app.errors import RaylensError
from serve_app.images import jpeg
from serve_app.images.decoding import decode
from tests.images.pictures import encode, photo

TRANSFORM: Final = Transform.square(32, 0.875)

_PIECES: Final = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xff\xd9",
    b"\xff\xd0",
    b"\xff\xda",
)

_WHOLE: Final = [
    encode(photo(80, 60), "JPEG"),
    encode(photo(70, 90), "JPEG", subsampling="4:4:4", quality=95),
    encode(photo(64, 48).convert("L"), "JPEG"),
    encode(photo(80, 60), "JPEG", restart_marker_blocks=3),
    encode(photo(200, 160), "JPEG", optimize=True),
    encode(photo(40, 30), "JPEG", keep_rgb=True),
]


def mutated(chance: random.Random) -> bytes:
    """A JPEG with a few changes, most of them in its header."""
    data = bytearray(chance.choice(_WHOLE))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(min(len(data), 700) if chance.random() < 0.5 else len(data))
        piece = chance.choice((*_PIECES, chance.randbytes(chance.randint(1, 4))))
        end = at + (len(piece) if chance.random() < 0.8 else 0)
        data[at:end] = piece
    return bytes(data[: chance.randrange(len(data))] if chance.random() < 0.1 else data)


def outcome(data: bytes) -> str | bytes:
    """The code of the error, or the pixels."""
    try:
        return decode(data, TRANSFORM)[1].tobytes()
    except RaylensError as error:
        return error.code


def main(count: int) -> None:
    chance, different, decoded = random.Random(count), 0, 0
    for _ in range(count):
        data = mutated(chance)
        found = outcome(data)
        with patch.object(jpeg, "is_ordinary", lambda _: False):
            different += found != outcome(data)
        decoded += isinstance(found, bytes)
    print(different, decoded, count - decoded)


if __name__ == "__main__":
    main(int(sys.argv[1]))
