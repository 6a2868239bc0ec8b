"""Reads which coded pictures the still picture of an AVIF consists of, and writes a file of these only.

So libavif never sees metadata, sequences or tables of any size, and what its codec allocates is known from the coded
pictures themselves: one of 16,000 × 16,000 pixels fits behind a directory that says 16 × 16.
"""

from typing import Final, NamedTuple

from serve_app.images.av1 import MAX_UNITS, Av1Stream, read_av1
from serve_app.images.avif_directory import AvifDirectory, AvifItem
from serve_app.images.avif_sequence import directory_of_sequence
from serve_app.images.boxes import BoxFields, BoxReader, MediaBox, write_box, write_full_box
from serve_app.images.limits import MAX_IMAGE_BYTES
from serve_app.images.stored_picture import damaged, unsupported

_BRANDS: Final = b"avif\0\0\0\0avifmif1miaf"
_ALPHA: Final = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0")
_KEPT: Final = frozenset(
    (b"ispe", b"av1C", b"pixi", b"irot", b"imir", b"clap", b"pasp", b"auxC", b"a1op", b"lsel", b"a1lx", b"colr")
)
_CODECS: Final = {b"hvc1": "HEIC in an AVIF container", b"av02": "AVIF with AV2"}
_MAX_PROPERTY_BYTES: Final = 4_096
"""Of a property that is kept, since it is copied for each item; color profiles are not kept."""
_SAMPLES: Final = 4
"""Bytes per pixel of a decoded frame for which there is no bitstream, of 8 bits with alpha."""


class _Part(NamedTuple):
    """An item with its payload, and its references to others."""

    item: AvifItem
    payload: bytes
    references: tuple[tuple[bytes, tuple[int, ...]], ...]


class AvifStructure:
    """The parts of the still picture.

    :raises CorruptImage: a part is missing or damaged, or there are too many.
    :raises UnsupportedImage: a variant that is not decoded, by name.
    """

    def __init__(self, data: bytes) -> None:
        self._directory = _directory(memoryview(data))
        self._parts: dict[int, _Part] = {}
        self._streams: list[Av1Stream] = []
        self._bytes_left = MAX_IMAGE_BYTES
        """Items may share their data, so all may be larger than the file."""
        self._units_left = MAX_UNITS
        self._canvas = 0
        """Pixels of the pictures that are put together from tiles, or scaled to another size."""
        self._primary = self._directory.primary
        alpha = self._alpha_of(self._primary)
        self._add(self._primary)
        if alpha is not None:
            self._add(alpha, auxiliary_of=self._primary)
        else:
            for tile in self._directory.tiles.get(self._primary, ()):
                if (tile_alpha := self._alpha_of(tile)) is not None:
                    self._add(tile_alpha, auxiliary_of=tile)

    @property
    def pixels(self) -> int:
        """Pixels of the largest coded or assembled picture."""
        return max([self._canvas, *(stream.width * stream.height for stream in self._streams)])

    @property
    def decoded_pixels(self) -> int:
        """Pixels of all frames of all coded pictures."""
        return sum(stream.width * stream.height * stream.frames for stream in self._streams)

    @property
    def decoded_bytes(self) -> int:
        """Memory for the decoded frames and those that are assembled from them."""
        deepest = max(stream.decoded_bytes / (stream.width * stream.height) for stream in self._streams)
        return sum(stream.decoded_bytes for stream in self._streams) + int(max(deepest, _SAMPLES) * self._canvas)

    def file(self) -> bytes:
        """An AVIF of these parts only."""
        head = write_box(b"ftyp", _BRANDS)
        start = len(head) + len(self._meta(0)) + 8
        body = b"".join(part.payload for part in self._parts.values())
        return head + self._meta(start) + write_box(b"mdat", body)

    def _alpha_of(self, item: int) -> int | None:
        for number in self._directory.auxiliaries.get(item, ()):
            found = self._directory.item(number)
            if any(box.name == b"auxC" and bytes(box.body[4:64]).startswith(_ALPHA) for _, box in found.properties):
                return number
        return None

    def _add(self, number: int, auxiliary_of: int | None = None) -> None:
        item = self._directory.item(number)
        references: list[tuple[bytes, tuple[int, ...]]] = []
        if auxiliary_of is not None:
            references.append((b"auxl", (auxiliary_of,)))
        if item.kind == b"grid":
            payload = self._payload(item)
            tiles = self._grid(number, payload)
            references.append((b"dimg", tiles))
            for tile in tiles:
                self._add_coded(self._directory.item(tile))
            self._check(item)
        if number == self._primary and (premultiplied := self._directory.premultiplied.get(number)):
            references.append((b"prem", premultiplied))
        if item.kind == b"grid":
            self._parts[number] = _Part(item, payload, tuple(references))
        else:
            self._add_coded(item, tuple(references))

    def _add_coded(self, item: AvifItem, references: tuple[tuple[bytes, tuple[int, ...]], ...] = ()) -> None:
        if item.kind != b"av01":
            name = item.kind.decode("latin-1")
            raise unsupported(_CODECS.get(item.kind, f"AVIF with a picture of type {name!r}"))
        self._check(item)
        payload = self._payload(item)
        stream = read_av1(payload, self._units_left)
        self._units_left -= stream.units
        self._streams.append(stream)
        size = _extents(item)
        if size not in (None, (stream.width, stream.height)):
            self._canvas += size[0] * size[1]
        self._parts[item.number] = _Part(item, payload, references)

    def _payload(self, item: AvifItem) -> bytes:
        payload = self._directory.payload(item)
        self._bytes_left -= len(payload)
        if self._bytes_left < 0:
            raise damaged("AVIF", f"its parts have more than {MAX_IMAGE_BYTES >> 20} MiB")
        return payload

    def _grid(self, number: int, payload: bytes) -> tuple[int, ...]:
        fields = BoxFields(memoryview(payload))
        _, flags, rows, columns = fields.number(1), fields.number(1), fields.number(1) + 1, fields.number(1) + 1
        width, height = (fields.number(4 if flags & 1 else 2) for _ in range(2))
        tiles = self._directory.tiles.get(number, ())
        if len(tiles) != rows * columns or len(set(tiles)) != len(tiles):
            raise damaged("AVIF", "a part of the picture is missing")
        self._canvas += width * height
        return tiles

    @staticmethod
    def _check(item: AvifItem) -> None:
        unknown = next((box.name for essential, box in item.properties if essential and box.name not in _KEPT), None)
        if unknown is not None:
            raise unsupported(f"AVIF with the property {unknown.decode('latin-1')!r}")
        if any(_is_needed(box) and len(box.body) > _MAX_PROPERTY_BYTES for _, box in item.properties):
            raise damaged("AVIF", f"a property has more than {_MAX_PROPERTY_BYTES:,} bytes")

    def _meta(self, start: int) -> bytes:
        """The directory of parts of which the first is at ``start``."""
        properties: dict[bytes, int] = {}
        entries, places, associations = [], [], []
        for number, part in sorted(self._parts.items()):
            entries.append(
                write_full_box(b"infe", number.to_bytes(4, "big"), b"\0\0", part.item.kind, b"\0", version=3)
            )
            indices = b"".join(
                (properties.setdefault(write_box(box.name, box.body), len(properties) + 1) | essential << 15).to_bytes(
                    2, "big"
                )
                for essential, box in part.item.properties
                if _is_needed(box)
            )
            associations.append(number.to_bytes(4, "big") + bytes((len(indices) // 2,)) + indices)
        for number, part in self._parts.items():
            places.append(_numbers((number, 4), (0, 4), (1, 2), (start, 4), (len(part.payload), 4)))
            start += len(part.payload)
        references = [
            write_box(kind, _numbers((number, 4), (len(targets), 2), *((target, 4) for target in targets)))
            for number, part in self._parts.items()
            for kind, targets in part.references
        ]
        count = len(self._parts)
        return write_full_box(
            b"meta",
            write_full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            write_full_box(b"pitm", self._primary.to_bytes(4, "big"), version=1),
            write_full_box(b"iloc", b"\x44\0", count.to_bytes(4, "big"), *places, version=2),
            write_full_box(b"iinf", count.to_bytes(4, "big"), *entries, version=1),
            *([write_full_box(b"iref", *references, version=1)] if references else []),
            write_box(
                b"iprp",
                write_box(b"ipco", *properties),
                write_box(b"ipma", b"\1\0\0\1", count.to_bytes(4, "big"), *associations),
            ),
        )


def _extents(item: AvifItem) -> tuple[int, int] | None:
    """Width and height of the item by its properties."""
    for _, box in item.properties:
        if box.name == b"ispe":
            fields, _, _ = BoxFields.of_full(box.body)
            return fields.number(4), fields.number(4)
    return None


def _directory(file: memoryview) -> AvifDirectory:
    reader = BoxReader()
    found = {box.name: box.body for box in reversed(list(reader.boxes(file)))}
    meta = found.get(b"meta")
    if meta is not None and (b"moov" not in found or any(box.name == b"pitm" for box in reader.boxes(meta[4:]))):
        return AvifDirectory.of(file, meta, reader)
    if b"moov" not in found:
        raise damaged("AVIF", "its directory is missing")
    return directory_of_sequence(file, found[b"moov"], reader)


def _is_needed(box: MediaBox) -> bool:
    """Whether the pixels depend on the property; color profiles are ignored."""
    return box.name in _KEPT and (box.name != b"colr" or bytes(box.body[:4]) == b"nclx")


def _numbers(*values: tuple[int, int]) -> bytes:
    return b"".join(value.to_bytes(size, "big") for value, size in values)
