"""Splits a JPEG into the segments that its pixels need and the data of its scans.

Metadata reaches the decoder only if it changes the picture: damaged segments, previews and thousands of comments cost
nothing. What a decoder would quietly replace with grey is found here or by :mod:`serve_app.images.jpeg`.
"""

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from serve_app.errors import CorruptImage, ImageTooComplex
from serve_app.images.limits import MAX_SCAN_PIXELS
from serve_app.images.orientation import orientation_in
from serve_app.images.stored_picture import damaged, unsupported

MAX_SCANS: Final = 100
"""Of a small picture; encoders write about 10, and libtiff has the same limit. See also ``MAX_SCAN_PIXELS``."""

MAX_SEGMENTS: Final = 4_000
"""A color profile takes up to 255 segments, extended XMP some hundred."""

_LEAST_SEGMENTS: Final = 40
"""That each of many JPEGs in a file may have; a picture needs about 10."""

MAX_PARTS: Final = 4_096
"""Restart intervals of a scan that are checked one by one."""

_WINDOW: Final = 2**20
"""Bytes that are searched for restart markers at once."""

_DHT, _DAC, _EOI, _SOS, _DQT, _DNL, _DRI = 0xC4, 0xCC, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD
_APP0, _APP1, _APP14, _SOI, _TEM = 0xE0, 0xE1, 0xEE, 0xD8, 0x01

_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, _DAC} | {0xF7}
_PROGRESSIVE: Final = 0xC2
_DECODED: Final = frozenset((0xC0, 0xC1, _PROGRESSIVE))
"""Baseline, extended and progressive frames with Huffman coding; their scans tell where data is missing."""

_VARIANTS: Final = {
    0xC3: "Lossless JPEG",
    0xC5: "Hierarchical JPEG",
    0xC6: "Hierarchical JPEG",
    0xC7: "Lossless JPEG",
    0xF7: "JPEG-LS",
}

_MARKER: Final = re.compile(rb"\xff([^\x00\xff])")
_END_OF_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_ADOBE_BYTES: Final = 12
_JFIF_BYTES: Final = 14

_EXIF: Final = b"Exif\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"


class _Component(NamedTuple):
    name: int
    horizontal: int
    vertical: int


class _Frame(NamedTuple):
    """The frame header: sampling factors decide how many blocks a scan has."""

    width: int
    height: int
    components: tuple[_Component, ...]
    progressive: bool

    @classmethod
    def of(cls, marker: int, body: bytes) -> "_Frame":
        if marker not in _DECODED:
            raise unsupported(_VARIANTS.get(marker, "Arithmetic-coded JPEG"))
        if len(body) < 6 or len(body) < 6 + 3 * body[5]:
            raise damaged("JPEG", "its header is incomplete")
        if body[0] != 8:
            raise unsupported(f"JPEG with {body[0]} bits per sample")
        if body[5] not in (1, 3, 4):
            raise unsupported(f"JPEG with {body[5]} color components")
        height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        if width == 0:
            raise damaged("JPEG", "its width is 0")
        if height == 0:
            raise unsupported("JPEG with its height after the pixels (DNL)")
        components = tuple(
            _Component(body[at], max(body[at + 1] >> 4, 1), max(body[at + 1] & 15, 1))
            for at in range(6, 6 + 3 * body[5], 3)
        )
        return cls(width, height, components, marker == _PROGRESSIVE)

    @property
    def coefficient_bytes(self) -> int:
        """Two bytes per coefficient, of all components."""
        wide, high = max(part.horizontal for part in self.components), max(part.vertical for part in self.components)
        blocks = sum(part.horizontal * part.vertical for part in self.components)
        return 2 * 64 * blocks * math.ceil(self.width / (8 * wide)) * math.ceil(self.height / (8 * high))

    def units(self, names: bytes) -> int:
        """Number of MCUs in a scan of these components: blocks if it is a single one."""
        wide, high = max(part.horizontal for part in self.components), max(part.vertical for part in self.components)
        if len(names) == 1:
            part = next(part for part in self.components if part.name == names[0])
            columns = math.ceil(math.ceil(self.width * part.horizontal / wide) / 8)
            return columns * math.ceil(math.ceil(self.height * part.vertical / high) / 8)
        return math.ceil(self.width / (8 * wide)) * math.ceil(self.height / (8 * high))


class PartOfPicture(NamedTuple):
    """What a JPEG is a part of, if it is one of several in a file: their limits hold for the whole picture."""

    pixels: int = 0
    """Of the whole picture."""
    parts: int = 1

    @property
    def segments(self) -> int:
        """How many this part may have."""
        return max(MAX_SEGMENTS // self.parts, _LEAST_SEGMENTS)


class JpegStructure:
    """The parts of a JPEG up to the end of its first picture.

    :raises CorruptImage: segments or scans are missing, or there are too many.
    :raises ImageTooComplex: there are too many scans for the size of the picture.
    :raises UnsupportedImage: a variant that is not decoded, by name.
    """

    def __init__(self, data: bytes, container: PartOfPicture | None = None) -> None:
        self._data = data
        self._container = container or PartOfPicture()
        self._tables: list[bytes] = [b"\xff\xd8"]
        self._frame: _Frame | None = None
        self._interval = 0
        self._missing: dict[int, bytearray] = {}
        self._scans: list[list[int]] = []
        """The positions between which the data of each scan is passed on: its segments with the first interval, …"""
        self.exif = b""
        self.xmp = b""
        self._walk()
        self._check_scans()

    @property
    def header(self) -> bytes:
        """The tables that the pixels need, up to and including the header of the first scan."""
        return b"".join(self._tables)

    def __len__(self) -> int:
        """Bytes of the file."""
        return len(self._data)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, not upright."""
        return self._frame_found.width, self._frame_found.height

    @property
    def components(self) -> int:
        """1 for grey, 3 for color, 4 for CMYK."""
        return len(self._frame_found.components)

    @property
    def orientation(self) -> int:
        """In EXIF or XMP, 1 to 8."""
        return orientation_in(self.exif, self.xmp)

    @property
    def number_of_scans(self) -> int:
        return len(self._scans)

    @property
    def coefficient_bytes(self) -> int:
        """Memory for all coefficients, which the decoder keeps if a scan does not complete the pixels."""
        frame = self._frame_found
        return frame.coefficient_bytes if frame.progressive or len(self._scans) > 1 else 0

    @property
    def _frame_found(self) -> _Frame:
        if self._frame is None:  # there is one before the first scan
            raise damaged("JPEG", "a header is missing before its pixels")
        return self._frame

    def scans(self) -> Iterator[Iterator[memoryview]]:
        """The data of each scan, in restart intervals; the first begins with the segments before it, but no header."""
        view = memoryview(self._data)
        for cuts in self._scans:
            yield (view[start:end] for start, end in pairwise(cuts))

    def _walk(self) -> None:
        at, start = 2, 2
        for _ in range(self._container.segments):
            match = _MARKER.search(self._data, at)
            if match is None or match[1][0] in (_EOI, _SOI):
                return
            marker, at = match[1][0], match.end()
            if marker == _TEM or 0xD0 <= marker <= 0xD7:
                continue
            length = int.from_bytes(self._data[at : at + 2], "big")
            body = self._data[at + 2 : at + length]
            if length < 2 and marker >= _APP0:
                at += 2  # damaged metadata; libjpeg skips as much
                continue
            if length < 2 or len(body) < length - 2:
                return
            at += length
            self._read(marker, body)
            if marker == _SOS:
                ending = _END_OF_SCAN.search(self._data, at)
                end = len(self._data) if ending is None else ending.start()
                self._add_scan(start, at, end, body)
                at = start = end
        raise CorruptImage(f"The JPEG has more than {self._container.segments:,} segments. Saving it again may help.")

    def _read(self, marker: int, body: bytes) -> None:
        if marker in _FRAMES:
            if self._frame is not None:
                raise damaged("JPEG", "it has a second frame header")
            self._frame = _Frame.of(marker, body)
            self._missing = {part.name: bytearray(b"\xff" * 64) for part in self._frame.components}
        elif marker == _DNL:
            raise unsupported("JPEG with its height after the pixels (DNL)")
        elif marker == _DAC:
            raise unsupported("Arithmetic-coded JPEG")
        elif marker == _DRI and len(body) >= 2:
            self._interval = int.from_bytes(body[:2], "big")
        elif marker == _APP1 and not self._scans:
            self._read_metadata(body)
        if not self._scans and _is_needed(marker, body):
            self._tables.append(bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body)

    def _read_metadata(self, body: bytes) -> None:
        if body.startswith(_EXIF) and not self.exif:
            self.exif = body[6:]
        elif body.startswith(_XMP) and not self.xmp:
            self.xmp = body[len(_XMP) :]

    def _add_scan(self, start: int, data: int, end: int, header: bytes) -> None:
        """Note which coefficients the scan completes, and check that no restart interval is missing."""
        if self._frame is None or not header or len(header) < 4 + 2 * header[0]:
            raise damaged("JPEG", "a header is missing before its pixels")
        self._check_number_of_scans(self._frame)
        names, (first, last, precision) = header[1 : 1 + 2 * header[0] : 2], header[1 + 2 * header[0] :][:3]
        for name in names:
            if name not in self._missing:
                raise damaged("JPEG", "a scan has an unknown color component")
            stop = min(last, 63) + 1
            self._missing[name][first:stop] = bytes((precision & 15,)) * (stop - first)
        restarts, cuts = self._restarts(data, end) if self._interval else (0, [])
        if self._interval and restarts < math.ceil(self._frame.units(names) / self._interval) - 1:
            raise damaged("JPEG", "a part of the picture is missing")
        first = start if self._scans else data
        self._scans.append([first, *cuts, end])

    def _check_number_of_scans(self, frame: _Frame) -> None:
        """Check that another scan is allowed."""
        pixels = max(self._container.pixels, frame.width * frame.height)
        allowed = min(MAX_SCANS, max(MAX_SCAN_PIXELS // pixels, 1))
        if len(self._scans) >= allowed:
            raise ImageTooComplex(
                f"The JPEG has more than {allowed} scans, which is the limit for {pixels / 1e6:.1f} megapixels. "
                "Save it again, with at most 10 scans or as a baseline JPEG."
            )

    def _restarts(self, start: int, end: int) -> tuple[int, list[int]]:
        """Number of the restart markers of a scan, up to the first out of order; positions of ``MAX_PARTS`` or fewer.

        20 MiB may have ten million.
        """
        number, cuts = 0, list[int]()
        for at in range(start, end, _WINDOW):
            values = np.frombuffer(self._data, np.uint8, min(_WINDOW + 1, end - at), at)
            found = np.flatnonzero((values[:-1] == 0xFF) & (values[1:] & 0xF8 == 0xD0))
            wrong = np.flatnonzero(values[found + 1] & 7 != (number + np.arange(len(found))) % 8)
            found = found[: wrong[0]] if len(wrong) else found
            number += len(found)
            cuts = [*cuts, *(at + int(place) for place in found)] if number <= MAX_PARTS else []
            if len(wrong):
                break
        return number, cuts

    def _check_scans(self) -> None:
        if not self._scans:
            raise damaged("JPEG", "it has no pixels")
        if any(levels.strip(b"\0") for levels in self._missing.values()):
            raise damaged("JPEG", "a part of its scans is missing")


def _is_needed(marker: int, body: bytes) -> bool:
    """Whether the decoder needs the segment; of the others, JFIF and Adobe tell how colors are stored."""
    if marker == _APP0:
        return body.startswith(b"JFIF\0") and len(body) >= _JFIF_BYTES
    if marker == _APP14:
        return body.startswith(b"Adobe") and len(body) >= _ADOBE_BYTES
    return marker in (_DQT, _DHT, _DRI, _SOS) or marker in _FRAMES
