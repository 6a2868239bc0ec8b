"""Parts of a file that overlap, or cost nothing in the file, cost little: a small file could have gigabytes of them."""

import struct
import time
from collections.abc import Callable
from functools import partial

import pytest
from PIL import Image

from serve_app.errors import CorruptImage
from serve_app.images.av1 import MAX_UNITS
from serve_app.images.boxes import write_box, write_full_box
from serve_app.images.decoding import decode, open_image
from serve_app.images.limits import MAX_IMAGE_BYTES
from serve_app.images.tiff_parts import MAX_PART_BYTES
from tests.images.pictures import encode, full_pixels, square
from tests.images.test_avif import extents, hidden, item, pack_avif, payload, properties
from tests.images.tiffs import Values, write_directory

TILE = encode(Image.new("RGB", (64, 64), "red"), "AVIF")
EMPTY_UNIT = b"\x7a\0"
"""Padding without a byte."""


def fax(size: int = 2_000_000) -> bytes:
    """A TIFF of a thousand rows, whose strips are all the same 2 MB."""
    rows = 1_000
    fields: dict[int, Values] = {256: (64,), 257: (rows,), 258: (1,), 259: (4,), 262: (0,), 278: (1,)}
    return write_directory(fields | {273: (8,) * rows, 279: (size,) * rows}, [bytes(size)])


def tiff_tiles(codec: int, picture: bytes, tables: bytes = b"") -> bytes:
    """A TIFF of 10,000 tiles, which are all the same picture."""
    fields: dict[int, Values] = {256: (1600,), 257: (1600,), 258: (8,) * 3, 259: (codec,), 277: (3,)}
    fields |= {262: (6 if codec == 7 else 2,), 322: (16,), 323: (16,)}
    fields |= {324: (8,) * 10_000, 325: (len(picture),) * 10_000} | ({347: tuple(tables)} if tables else {})
    return write_directory(fields, [picture], tiled=True)


def small_picture(kind: str, filling: bytes = b"") -> bytes:
    """A picture for a tile; with ``filling`` in a comment or behind its pixels."""
    picture = Image.new("RGB", (16, 16), "red")
    if kind == "JPEG":
        whole = encode(picture, "JPEG")
        comments = (filling[at : at + 65_000] for at in range(0, len(filling), 65_000))
        return (
            whole[:2] + b"".join(b"\xff\xfe" + struct.pack(">H", len(each) + 2) + each for each in comments) + whole[2:]
        )
    body = encode(picture, "WEBP", lossless=True)[20:] + filling
    chunk = b"WEBPVP8L" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunk)) + chunk


def comments(number: int) -> bytes:
    """The tables of a JPEG, which are none."""
    return b"\xff\xd8" + b"\xff\xfe\0\2" * number


def avif_tiles(side: int, data: bytes, kept: list[bytes]) -> bytes:
    """An AVIF of ``side`` × ``side`` tiles of 64 × 64 pixels, whose items all have the same data."""
    tiles, size = range(2, 2 + side * side), (64 * side, 64 * side)
    places = b"".join(struct.pack(">HHHHII", number, 1, 0, 1, 0, len(data)) for number in tiles)
    places += struct.pack(">HHHHII", 1, 1, 0, 1, len(data), 8)
    own = bytes((1, len(kept) + 1))
    indices = bytes((len(kept), *range(1, len(kept) + 1)))
    associations = struct.pack(">H", 1) + own + b"".join(struct.pack(">H", number) + indices for number in tiles)
    entries = (item(1, b"grid"), *(item(number, b"av01") for number in tiles))
    return write_box(b"ftyp", b"avif\0\0\0\0avifmif1miaf") + write_full_box(
        b"meta",
        write_full_box(b"pitm", struct.pack(">H", 1)),
        write_full_box(b"iinf", struct.pack(">H", len(tiles) + 1), *entries),
        write_full_box(b"iloc", struct.pack(">HH", 0x4400, len(tiles) + 1), places, version=1),
        write_box(
            b"iprp",
            write_box(b"ipco", *kept, extents(size)),
            write_full_box(b"ipma", struct.pack(">I", len(tiles) + 1), associations),
        ),
        write_full_box(b"iref", write_box(b"dimg", struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *tiles))),
        write_box(b"idat", data, bytes((0, 0, side - 1, side - 1)), struct.pack(">HH", *size)),
    )


def large_tiles() -> bytes:
    """Bytes that no decoder looks at make each tile 2 MB."""
    size = 2_000_000
    filling = bytes((EMPTY_UNIT[0], *(0x80 | size >> shift & 127 for shift in (0, 7, 14)), 0)) + bytes(size)
    return avif_tiles(20, payload(TILE) + filling, properties(TILE))


def hidden_tiles() -> bytes:
    """Tiles of 64 × 64 pixels, by the directory, of which each is a megapixel."""
    large = hidden((1000, 1000), (64, 64))
    return avif_tiles(16, payload(large), properties(large))


def many_boxes(container: bytes, further: bytes) -> bytes:
    """An AVIF with so many boxes more in one of those that may occur several times."""
    whole = pack_avif({1: (b"av01", payload(TILE), properties(TILE))})
    meta, at = whole.index(b"meta") - 4, whole.index(container) - 4
    changed = bytearray(whole)
    for start in (meta, at):
        changed[start : start + 4] = (int.from_bytes(whole[start : start + 4], "big") + len(further)).to_bytes(4, "big")
    end = at + int.from_bytes(whole[at : at + 4], "big")
    return bytes(changed[:end]) + further + bytes(changed[end:])


def references(number: int) -> bytes:
    return pack_avif(
        {1: (b"av01", payload(TILE), properties(TILE))},
        write_box(b"auxl", struct.pack(">HHHH", 2, 2, 1, 1)) * number,
    )


def tracks() -> bytes:
    boxes = write_box(b"trak", write_box(b"free") * 9_000)
    return write_box(b"ftyp", b"avis\0\0\0\0avifmif1miaf") + write_box(b"moov", boxes * 280)


FILES: dict[str, Callable[[], bytes]] = {
    "fax in a TIFF": fax,
    "JPEGs in a TIFF": lambda: tiff_tiles(7, small_picture("JPEG", bytes(1_000_000))),
    "WebPs in a TIFF": lambda: tiff_tiles(50001, small_picture("WEBP", bytes(1_000_000))),
    "tables of JPEGs": lambda: tiff_tiles(7, small_picture("JPEG"), comments(3_000)),
    "comments of JPEGs": lambda: tiff_tiles(7, small_picture("JPEG"), comments(400)),
    "tiles of an AVIF": large_tiles,
    "hidden tiles of an AVIF": hidden_tiles,
    "units of tiles of an AVIF": lambda: avif_tiles(20, payload(TILE) + EMPTY_UNIT * 9_000, properties(TILE)),
    "properties of an AVIF": lambda: many_boxes(b"iprp", write_box(b"ipco", write_box(b"free") * 9_000) * 250),
    "associations of an AVIF": lambda: many_boxes(
        b"iprp", write_full_box(b"ipma", struct.pack(">I", 19_000), struct.pack(">HB", 7, 0) * 19_000) * 350
    ),
    "references of an AVIF": partial(references, 9_900),
    "tracks of an AVIF": tracks,
}
"""Without limits, these files take from 0.4 to 15 s with the interpreter lock held, or gigabytes."""


@pytest.mark.parametrize("kind", FILES)
def test_repeated_parts_cost_little(kind: str):
    data = FILES[kind]()
    assert len(data) <= MAX_IMAGE_BYTES
    started = time.process_time()
    with pytest.raises(CorruptImage):
        decode(data, square())
    assert time.process_time() - started < 0.4


def test_equal_tiles_may_share_their_data():
    """As encoders store plain areas."""
    pixels = full_pixels(avif_tiles(4, payload(TILE), properties(TILE)))
    assert pixels.shape == (256, 256, 3)
    assert pixels[..., 0].min() > 200
    assert full_pixels(tiff_tiles(7, small_picture("JPEG"))).shape == (1600, 1600, 3)
    assert open_image(fax(size=MAX_PART_BYTES // 1_000), square()).info.height == 1_000


def test_the_parts_of_a_fax_are_charged_as_often_as_they_are_copied():
    shared, once = (open_image(fax(size), square()).decoded_bytes for size in (10_000, 10))
    assert shared - once > 4 * 1_000 * 9_000


def test_units_of_all_tiles_share_a_limit():
    few = avif_tiles(2, payload(TILE) + EMPTY_UNIT * (MAX_UNITS // 8), properties(TILE))
    assert decode(few, square())[0].width == 128
    with pytest.raises(CorruptImage, match="10,000 parts"):
        decode(avif_tiles(2, payload(TILE) + EMPTY_UNIT * (MAX_UNITS // 3), properties(TILE)), square())


def test_a_property_is_not_copied_for_each_item_if_it_is_large():
    opaque, kept = (write_full_box(name, bytes(50_000)) for name in (b"newp", b"pixi"))
    assert decode(avif_tiles(2, payload(TILE), [*properties(TILE), opaque]), square())[0].width == 128
    with pytest.raises(CorruptImage, match="property"):
        decode(avif_tiles(2, payload(TILE), [*properties(TILE), kept]), square())
