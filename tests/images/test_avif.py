"""The still picture of an AVIF is decoded, however the file stores it, and what its codec allocates is known before."""

import struct
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from serve_app.errors import CorruptImage, TooManyPixels, UnsupportedImage
from serve_app.images.av1 import MAX_FRAMES, read_av1
from serve_app.images.avif_structure import AvifStructure
from serve_app.images.boxes import MAX_DIRECTORY_PARTS, BoxReader, write_box, write_full_box
from serve_app.images.decoding import decode, open_image
from tests.images.pictures import encode, full_pixels, photo, square

PICTURE = photo(96, 64)
PLAIN = encode(PICTURE, "AVIF", quality=95)


def payload(whole: bytes) -> bytes:
    """The AV1 bitstream of a file that holds only one."""
    return bytes(next(box.body for box in BoxReader().boxes(memoryview(whole)) if box.name == b"mdat"))


def properties(whole: bytes) -> list[bytes]:
    """The properties of the first file, as boxes."""
    found = memoryview(whole)
    for name, skipped in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        found = next(box.body for box in BoxReader().boxes(found) if box.name == name)[skipped:]
    return [write_box(box.name, box.body) for box in BoxReader().boxes(found)]


def extents(size: tuple[int, int]) -> bytes:
    return write_full_box(b"ispe", struct.pack(">II", *size))


def item(number: int, kind: bytes) -> bytes:
    return write_full_box(b"infe", struct.pack(">HH4sB", number, 0, kind, 0), version=2)


def pack_avif(
    items: dict[int, tuple[bytes, bytes, list[bytes]]], references: bytes = b"", further: bytes = b""
) -> bytes:
    """An AVIF whose items, of type, data and properties each, are in its directory. The first is the picture."""
    places, data, kept, associations = b"", b"", b"", b""
    count = 0
    for number, (_, body, boxes) in items.items():
        places += struct.pack(">HHHHII", number, 1, 0, 1, len(data), len(body))
        associations += struct.pack(">HB", number, len(boxes)) + bytes(range(count + 1, count + 1 + len(boxes)))
        data += body
        kept += b"".join(boxes)
        count += len(boxes)
    meta = write_full_box(
        b"meta",
        write_full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
        write_full_box(b"pitm", struct.pack(">H", next(iter(items)))),
        write_full_box(
            b"iinf", struct.pack(">H", len(items)), *(item(number, kind) for number, (kind, _, _) in items.items())
        ),
        write_full_box(b"iloc", struct.pack(">HH", 0x4400, len(items)), places, version=1),
        write_box(
            b"iprp",
            write_box(b"ipco", kept),
            write_full_box(b"ipma", struct.pack(">I", len(items)), associations),
        ),
        *([write_full_box(b"iref", references)] if references else []),
        write_box(b"idat", data),
        further,
    )
    return write_box(b"ftyp", b"avif\0\0\0\0avifmif1miaf") + meta


def grid(**changes: bytes) -> bytes:
    """Six tiles of 64 × 64 pixels of a picture of 160 × 128."""
    picture = photo(192, 128)
    tiles = [picture.crop((left, top, left + 64, top + 64)) for top in (0, 64) for left in (0, 64, 128)]
    coded = [encode(tile, "AVIF", quality=95) for tile in tiles]
    size = changes.get("size", struct.pack(">HH", 160, 128))
    items = {1: (b"grid", b"\0\0\1\2" + size, [extents((160, 128))])}
    for number, whole in enumerate(coded, start=2):
        items[number] = (b"av01", payload(whole), properties(whole))
    return pack_avif(items, write_box(b"dimg", struct.pack(">HH6H", 1, 6, *range(2, 8))))


def sequence() -> bytes:
    """The tracks of a file of several pictures, without its still picture."""
    whole = encode(PICTURE, "AVIF", quality=95, save_all=True, append_images=[photo(96, 64, seed=1)])

    def parts() -> Iterator[bytes]:
        for box in BoxReader().boxes(memoryview(whole)):
            name = {b"meta": b"free"}.get(box.name, box.name)
            yield write_box(name, box.body.tobytes().replace(b"avif", b"avis") if name == b"ftyp" else box.body)

    return b"".join(parts())


def hidden(size: tuple[int, int], seen: tuple[int, int], **options: str) -> bytes:
    """A picture of another size than the directory says."""
    whole = encode(Image.new("RGB", size, "red"), "AVIF", speed=10, **options)
    at = whole.index(b"ispe") + 8
    return whole[:at] + struct.pack(">II", *seen) + whole[at + 8 :]


def test_items_may_be_in_the_directory():
    data = pack_avif({1: (b"av01", payload(PLAIN), properties(PLAIN))})
    np.testing.assert_array_equal(full_pixels(data), full_pixels(PLAIN))


def test_grids_are_put_together():
    pixels = full_pixels(grid())
    assert pixels.shape == (128, 160, 3)
    assert np.abs(pixels - np.asarray(photo(192, 128))[:, :160].astype(int)).mean() < 4
    with pytest.raises(CorruptImage):
        decode(grid(size=struct.pack(">HH", 3000, 3000)), square())


def test_the_first_picture_of_a_sequence_is_decoded():
    data = sequence()
    assert b"meta" not in data
    assert np.abs(full_pixels(data) - np.asarray(PICTURE).astype(int)).mean() < 4


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("subsampling", ["4:0:0", "4:2:0", "4:2:2", "4:4:4"])
def test_sizes_of_frames_are_read_from_the_bitstream(mode: str, subsampling: str):
    picture = photo(300, 200).convert(mode)
    whole = encode(picture, "AVIF", subsampling=subsampling)
    stream = read_av1(payload(whole))
    assert (stream.width, stream.height) == (300, 200)
    samples = {"4:0:0": 1, "4:2:0": 1.5, "4:2:2": 2, "4:4:4": 3}[subsampling]
    assert stream.decoded_bytes == 384 * 256 * samples + 300 * 200


def test_a_hidden_picture_is_charged():
    large, small = (open_image(hidden(size, (16, 16)), square()) for size in ((1000, 800), (16, 16)))
    assert large.info.width == small.info.width == 16
    assert large.decoded_bytes - small.decoded_bytes > 1000 * 800 * 1.5


def test_a_picture_that_is_put_together_is_charged_besides_its_tiles():
    frames = 6 * read_av1(payload(encode(photo(64, 64), "AVIF"))).decoded_bytes
    assert AvifStructure(grid()).decoded_bytes >= frames + 160 * 128 * 3


def test_hidden_frames_are_charged():
    one = payload(PLAIN)
    temporal, header = 2, one.index(b"\x0a")
    assert header == temporal
    frame = one[header + 2 + one[header + 1] :]
    frame_bytes = 1.5 * 128 * 128
    for further, kept in ((0, 1), (3, 4), (15, 9)):
        assert read_av1(one + frame * further).decoded_bytes == kept * frame_bytes + 96 * 64


def test_the_frames_of_a_picture_are_limited():
    one = payload(PLAIN)
    frame = one[4 + one[3] :]
    data = pack_avif({1: (b"av01", one + frame * MAX_FRAMES, properties(PLAIN))})
    with pytest.raises(UnsupportedImage, match="frames"):
        decode(data, square())


def test_a_large_picture_behind_a_small_size_is_rejected():
    with pytest.raises(CorruptImage, match="more than its directory says"):
        decode(hidden((2000, 1000), (16, 16)), square())
    with pytest.raises(TooManyPixels, match="a coded picture of 68 megapixels"):
        open_image(hidden((8500, 8000), (16, 16)), square())


def test_places_without_bytes_are_limited():
    """An item may claim 65,535 of them, of which libavif keeps a list."""
    count = MAX_DIRECTORY_PARTS // 65_535 + 1
    places = struct.pack(">HH", 0, count) + struct.pack(">HHH", 7, 0, 65_535) * count
    at = PLAIN.index(b"iloc") + 8
    size = int.from_bytes(PLAIN[at - 12 : at - 8], "big") - 12
    grown = PLAIN[:at] + places.ljust(size, b"\0")[:size] + PLAIN[at + size :]
    with pytest.raises(CorruptImage, match="parts"):
        decode(grown, square())


def test_unknown_pictures_and_essential_properties_are_rejected_by_name():
    with pytest.raises(UnsupportedImage, match="HEIC in an AVIF container"):
        decode(PLAIN.replace(b"infe\2\0\0\0\0\1\0\0av01", b"infe\2\0\0\0\0\1\0\0hvc1"), square())
    with pytest.raises(UnsupportedImage, match="'iovl'"):
        decode(PLAIN.replace(b"infe\2\0\0\0\0\1\0\0av01", b"infe\2\0\0\0\0\1\0\0iovl"), square())
    essential = pack_avif({1: (b"av01", payload(PLAIN), [*properties(PLAIN), write_box(b"newp", b"")])})
    count = len(properties(PLAIN)) + 1
    at = essential.index(bytes(range(1, count + 1)))
    essential = essential[: at + count - 1] + bytes((count | 128,)) + essential[at + count :]
    with pytest.raises(UnsupportedImage, match="'newp'"):
        decode(essential, square())


def test_opaque_properties_do_not_reach_the_decoder():
    """libavif copies them for each item that they are associated with."""
    whole = pack_avif({1: (b"av01", payload(PLAIN), [*properties(PLAIN), *[write_box(b"newp", bytes(1_000))] * 100])})
    assert open_image(whole, square()).decoded_bytes < open_image(PLAIN, square()).decoded_bytes + 1_000
