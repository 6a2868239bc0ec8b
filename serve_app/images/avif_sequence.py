"""The first picture of an AVIF sequence that has no still picture: the directory of a file that has only this one."""

from typing import Final, NamedTuple

from serve_app.images.avif_directory import AvifDirectory, AvifItem
from serve_app.images.boxes import BoxFields, BoxReader, MediaBox
from serve_app.images.stored_picture import damaged, unsupported

_ALPHA: Final = b"\0\0\0\0urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"
_ENTRY_BYTES: Final = 78
"""BoxFields of a visual sample entry before its boxes."""

_IN_FILE: Final = 0


class _Track(NamedTuple):
    number: int
    size: tuple[int, int]
    codec: bytes
    properties: tuple[MediaBox, ...]
    """Those of its sample entry."""
    extent: tuple[int, int]
    references: dict[bytes, int]

    def item(self, *properties: MediaBox) -> AvifItem:
        extents = b"".join((bytes(4), *(side.to_bytes(4, "big") for side in self.size)))
        kept = [box for box in self.properties if box.name in (b"av1C", b"colr", b"pixi")]
        boxes = (MediaBox(b"ispe", memoryview(extents)), *kept, *properties)
        return AvifItem(self.number, self.codec, _IN_FILE, (self.extent,), tuple((False, box) for box in boxes))


def directory_of_sequence(file: memoryview, movie: memoryview, reader: BoxReader) -> AvifDirectory:
    """``movie`` is the box "moov".

    :raises CorruptImage, UnsupportedImage: its tracks are damaged, or hold no AV1.
    """
    tracks = [track for box in reader.boxes(movie) if box.name == b"trak" and (track := _track(box.body, reader))]
    primary = next((track for track in tracks if b"auxl" not in track.references), None)
    if primary is None:
        raise unsupported("AVIF sequence without AV1")
    alpha = next((track for track in tracks if track.references.get(b"auxl") == primary.number), None)
    items = {primary.number: primary.item()}
    if alpha is not None:
        items[alpha.number] = alpha.item(MediaBox(b"auxC", memoryview(_ALPHA)))
    premultiplied = alpha is not None and primary.references.get(b"prem") == alpha.number
    return AvifDirectory(
        primary.number,
        items,
        {},
        {primary.number: (alpha.number,)} if alpha else {},
        {primary.number: (alpha.number,)} if alpha and premultiplied else {},
        (file, memoryview(b"")),
    )


def _track(body: memoryview, reader: BoxReader) -> _Track | None:
    """None if it holds something else than AV1."""
    boxes = {box.name: box.body for box in reader.boxes(body)}
    table = boxes
    for name in (b"mdia", b"minf", b"stbl"):
        table = {box.name: box.body for box in reader.boxes(table.get(name, memoryview(b"")))}
    entries, _, _ = BoxFields.of_full(table.get(b"stsd", memoryview(bytes(8))))
    entries.number(4)
    codec = next((box for box in reader.boxes(entries.rest()) if box.name == b"av01"), None)
    if codec is None:
        return None
    number, size = _header(boxes.get(b"tkhd", memoryview(b"")))
    references: dict[bytes, int] = {}
    for box in reader.boxes(boxes.get(b"tref", memoryview(b""))):
        references[box.name] = BoxFields(box.body).number(4)
    properties = tuple(reader.boxes(codec.body[_ENTRY_BYTES:]))
    return _Track(number, size, codec.name, properties, _first_sample(table), references)


def _header(body: memoryview) -> tuple[int, tuple[int, int]]:
    """Number, width and height of a track."""
    fields, version, _ = BoxFields.of_full(body)
    wide = 8 if version else 4
    fields.bytes(2 * wide)
    number = fields.number(4)
    fields.bytes(4 + wide + 52)
    return number, (fields.number(4) >> 16, fields.number(4) >> 16)


def _first_sample(table: dict[bytes, memoryview]) -> tuple[int, int]:
    """Start and length."""
    for name, size in ((b"stco", 4), (b"co64", 8)):
        if name in table and b"stsz" in table:
            offsets, sizes = BoxFields.of_full(table[name])[0], BoxFields.of_full(table[b"stsz"])[0]
            offsets.number(4)
            same = sizes.number(4)
            sizes.number(4)
            return offsets.number(size), same or sizes.number(4)
    raise damaged("AVIF", "its pictures are missing")
