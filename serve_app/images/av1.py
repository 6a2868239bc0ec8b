"""Reads how large the frames are that an AV1 bitstream holds: what their decoder allocates does not depend on AVIF.

Names and sections are those of the AV1 Bitstream & Decoding Process Specification.
"""

import math
from typing import Final, NamedTuple

from serve_app.images.stored_picture import damaged, unsupported

MAX_UNITS: Final = 10_000
"""Open bitstream units of a file. A frame may have 4,096 tiles, each in a unit."""

MAX_FRAMES: Final = 16
"""Frames of a picture, all of which are decoded; one, or some layers."""

_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6
_SELECT: Final = 2
_SWITCH: Final = 3
_SRGB: Final = (1, 13, 0)
_UNSPECIFIED: Final = (2, 2, 2)

_ALIGNMENT: Final = 128
"""dav1d allocates frames of whole superblocks."""

_REFERENCES: Final = 8
"""Frames that a decoder keeps for others."""


class Av1Stream(NamedTuple):
    """The largest frame of a bitstream, which may have several, and the memory that its decoder needs for them.

    Besides the frames these are motion vectors and masks, for which dav1d takes half a byte per pixel.
    """

    width: int
    height: int
    frames: int
    units: int
    decoded_bytes: int


class _Bits:
    """Reads numbers of some bits."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def __call__(self, size: int) -> int:
        self._left -= size
        if self._left < 0:
            raise damaged("AVIF", "a header of its pixels is incomplete")
        return (self._value >> self._left) & ((1 << size) - 1)

    def skip_uvlc(self) -> None:
        zeros = 0
        while not self(1):
            zeros += 1
        self(zeros if zeros < 32 else 0)


class _Sequence(NamedTuple):
    """The fields of a sequence header (5.5) on which frame headers and memory depend."""

    reduced: bool
    time_bits: int
    """Bits of the time in a frame header, 0 if there is none."""
    size_bits: tuple[int, int]
    size: tuple[int, int]
    id_bits: int
    screen_content: int
    integer_motion: int
    samples: float
    """Samples per pixel, with those of the colors."""
    deep: bool
    grain: bool

    @classmethod
    def of(cls, data: bytes) -> "_Sequence":
        bits = _Bits(data)
        profile, _, reduced = bits(3), bits(1), bool(bits(1))
        time_bits = _operating_points(bits, reduced=reduced)
        size_bits = (bits(4) + 1, bits(4) + 1)
        size = (bits(size_bits[0]) + 1, bits(size_bits[1]) + 1)
        id_bits = 0
        if not reduced and bits(1):
            id_bits = bits(4) + 2 + bits(3) + 1
        bits(3)
        screen_content, integer_motion = (_SELECT, _SELECT) if reduced else _tools(bits)
        bits(3)
        deep, samples = _colours(bits, profile)
        return cls(
            reduced, time_bits, size_bits, size, id_bits, screen_content, integer_motion, samples, deep, bool(bits(1))
        )

    def frame_bytes(self, size: tuple[int, int]) -> int:
        width, height = (math.ceil(side / _ALIGNMENT) * _ALIGNMENT for side in size)
        return math.ceil(width * height * self.samples) * (2 if self.deep else 1)


def read_av1(data: bytes | memoryview, most_units: int = MAX_UNITS) -> Av1Stream:
    """:raises CorruptImage: headers are damaged or missing, or there are more than ``most_units``.

    :raises UnsupportedImage: there are more than ``MAX_FRAMES``.
    """
    sequences: list[_Sequence] = []
    frames, overridden, at, units = 0, False, 0, 0
    while at < len(data):
        units += 1
        if units > most_units:
            raise damaged("AVIF", f"its pixels have more than {MAX_UNITS:,} parts")
        kind, body, at = _unit(data, at)
        if kind == _SEQUENCE:
            sequences.append(_Sequence.of(body))
        elif kind in (_FRAME_HEADER, _FRAME) and sequences:
            new, other_size = _frame(_Bits(body), sequences[-1])
            frames += new
            overridden |= other_size
    if frames > MAX_FRAMES:
        raise unsupported(f"AVIF with more than {MAX_FRAMES} frames in a picture")
    if not sequences or not frames:
        raise damaged("AVIF", "it has no pixels")
    sizes = [tuple(1 << size for size in each.size_bits) if overridden else each.size for each in sequences]
    width, height = max(size[0] for size in sizes), max(size[1] for size in sizes)
    frame_bytes = max(each.frame_bytes((width, height)) for each in sequences)
    kept = min(frames, _REFERENCES + 1) + any(each.grain for each in sequences)
    return Av1Stream(width, height, frames, units, kept * frame_bytes + width * height)


def _unit(data: bytes | memoryview, at: int) -> tuple[int, bytes, int]:
    """Type and first bytes of an open bitstream unit (5.3), and the position of the next."""
    head = data[at]
    at += 2 if head & 4 else 1
    size = len(data) - at
    if head & 2:
        size = shift = 0
        while True:
            if at >= len(data) or shift > 49:
                raise damaged("AVIF", "a header of its pixels is incomplete")
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
    if size < 0 or at + size > len(data):
        raise damaged("AVIF", "a part of its pixels is missing")
    return head >> 3 & 15, bytes(data[at : at + min(size, 1024)]), at + size


def _operating_points(bits: _Bits, *, reduced: bool) -> int:
    """Skip to the size of the frames; the bits of the time in frame headers."""
    if reduced:
        bits(5)
        return 0
    delay_bits = time_bits = 0
    if bits(1):
        bits(64)
        equal = bits(1)
        if equal:
            bits.skip_uvlc()
        if bits(1):
            delay_bits = bits(5) + 1
            bits(32 + 5)
            time_bits = 0 if equal else bits(5) + 1
            if equal:
                bits(5)
    has_delay = bits(1)
    for _ in range(bits(5) + 1):
        bits(12)
        if bits(5) > 7:
            bits(1)
        if delay_bits and bits(1):
            bits(2 * delay_bits + 1)
        if has_delay and bits(1):
            bits(4)
    return time_bits


def _tools(bits: _Bits) -> tuple[int, int]:
    """Which tools frames may use: for screen content, and motion vectors of whole pixels."""
    bits(4)
    order = bits(1)
    if order:
        bits(2)
    screen_content = _SELECT if bits(1) else bits(1)
    integer_motion = _SELECT
    if screen_content:
        integer_motion = _SELECT if bits(1) else bits(1)
    if order:
        bits(3)
    return screen_content, integer_motion


def _colours(bits: _Bits, profile: int) -> tuple[bool, float]:
    """Whether samples take two bytes, and the samples per pixel (5.5.2)."""
    deep = bool(bits(1))
    twelve = profile == 2 and deep and bits(1)
    grey = profile != 1 and bits(1)
    description = (bits(8), bits(8), bits(8)) if bits(1) else _UNSPECIFIED
    if grey:
        bits(1)
        return deep, 1
    across = down = 0
    if description != _SRGB:
        bits(1)
        across, down = {0: (1, 1), 1: (0, 0)}.get(profile, (1, 0))
        if twelve:
            across = bits(1)
            down = bits(1) if across else 0
        if across and down:
            bits(2)
    bits(1)
    return deep, 1 + 2 / ((1 + across) * (1 + down))


def _frame(bits: _Bits, sequence: _Sequence) -> tuple[bool, bool]:
    """Whether a frame header (5.9.2) starts a new frame, and whether that has its own size."""
    if sequence.reduced:
        return True, False
    if bits(1):
        return False, False
    kind, shown = bits(2), bits(1)
    if shown and sequence.time_bits:
        bits(sequence.time_bits)
    if not shown:
        bits(1)
    if kind != _SWITCH and not (kind == 0 and shown):
        bits(1)
    bits(1)
    screen_content = bits(1) if sequence.screen_content == _SELECT else sequence.screen_content
    if screen_content and sequence.integer_motion == _SELECT:
        bits(1)
    bits(sequence.id_bits)
    return True, bool(kind == _SWITCH or bits(1))
