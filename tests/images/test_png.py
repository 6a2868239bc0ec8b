"""Damaged or large metadata of PNGs is skipped; their pixels must be complete."""

import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from serve_app.errors import CorruptImage, UnsupportedImage
from serve_app.images.decoding import decode, inspect
from serve_app.images.png_structure import END, SIGNATURE
from serve_app.types import ImageInfo
from tests.images.pictures import encode, full_pixels, photo, square

RGB = np.asarray(photo(64, 48))
WHOLE = encode(photo(64, 48), "PNG")
BEFORE_PIXELS = WHOLE.index(b"IDAT") - 4
TAGS = Image.Exif()
TAGS[0x0112] = 6
EXIF = TAGS.tobytes()[6:]


def chunk(name: bytes, body: bytes = b"", *, sound: bool = True) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) ^ (not sound))


def with_chunks(*chunks: bytes) -> bytes:
    return WHOLE[:BEFORE_PIXELS] + b"".join(chunks) + WHOLE[BEFORE_PIXELS:]


def with_pixels(stream: bytes, rest: bytes = END, *, sound: bool = True) -> bytes:
    return WHOLE[:BEFORE_PIXELS] + chunk(b"IDAT", stream, sound=sound) + rest


STREAM = b"".join(
    WHOLE[at + 4 : at + 4 + int.from_bytes(WHOLE[at - 4 : at], "big")]
    for at in range(len(WHOLE))
    if WHOLE[at : at + 4] == b"IDAT"
)
ROWS = zlib.decompress(STREAM)
PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def interlaced(end: int | None = None, *, checksum: bytes | None = None) -> bytes:
    rows = b"".join(b"\0" + row.tobytes() for y, x, dy, dx in PASSES for row in RGB[y::dy, x::dx])
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 48, 8, 2, 0, 0, 1))
    stream = zlib.compress(rows[:end])
    return SIGNATURE + header + chunk(b"IDAT", stream if checksum is None else stream[:-4] + checksum) + END


ZEROS = zlib.compress(bytes(2**26), 9)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"iCCP", b"x\0\0" + zlib.compress(b"profile"), sound=False),
        chunk(b"iCCP", b"x\0\7junk"),
        chunk(b"iCCP", b"x\0\0" + ZEROS),
        chunk(b"tEXt", b"Comment\0" + b"\xff" * 100, sound=False),
        chunk(b"tEXt", b"no separator"),
        chunk(b"zTXt", b"Comment\0\1" + ZEROS),
        chunk(b"zTXt", b"Comment\0\0" + ZEROS),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + ZEROS),
        chunk(b"zTXt", b"Raw profile type exif\0\0broken"),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + ZEROS),
        chunk(b"iTXt", b"XML:com.adobe.xmp"),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + ZEROS) * 100,
        chunk(b"gAMA", b"\0"),
        chunk(b"pHYs", b"\0"),
        chunk(b"sRGB"),
        chunk(b"cHRM", b"1"),
        chunk(b"tIME", b"1"),
        chunk(b"bKGD"),
        chunk(b"tRNS", b"\0"),
        chunk(b"tRNS", bytes(6), sound=False),
        chunk(b"eXIf", b"II*\0broken"),
        chunk(b"eXIf", EXIF, sound=False),
        chunk(b"acTL", b"\0"),
        chunk(b"fcTL", b"\0" * 5),
        chunk(b"PLTE", b"\1\2\3" * 300),
    ],
)
def test_damaged_and_large_metadata_is_skipped(extra: bytes):
    started = time.process_time()
    pixels = full_pixels(with_chunks(extra))
    assert time.process_time() - started < 1
    np.testing.assert_array_equal(pixels, RGB)


def test_seventy_megabytes_of_text_are_not_decompressed():
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**20))) * 70
    np.testing.assert_array_equal(full_pixels(with_chunks(text)), RGB)


@pytest.mark.parametrize(
    "data",
    [
        with_pixels(STREAM[:-4] + b"abcd"),
        with_pixels(STREAM[:-4]),
        with_pixels(STREAM + b"further bytes"),
        with_pixels(b"\x08\x1d" + STREAM[2:]),
        with_pixels(STREAM, b""),
        with_pixels(STREAM)[:-14],
        with_pixels(STREAM)[: -len(END) - 8],
    ],
    ids=["checksum", "no checksum", "more", "window size", "no end", "no CRC", "no end and no checksum"],
)
def test_complete_pixels_are_decoded_despite_their_checksum(data: bytes):
    np.testing.assert_array_equal(full_pixels(data), RGB)


@pytest.mark.parametrize(
    "data",
    [
        with_pixels(STREAM, sound=False),
        with_pixels(STREAM[: len(STREAM) // 2]),
        with_pixels(STREAM)[: BEFORE_PIXELS + len(STREAM) // 2],
        with_pixels(STREAM[:100] + b"\xff\xff\xff" + STREAM[103:]),
        with_pixels(zlib.compress(bytes(100))),
        with_pixels(zlib.compress(ROWS[:-193])),
        with_pixels(zlib.compress(ROWS[: 24 * 193])),
        interlaced(-193),
        with_pixels(b""),
        WHOLE[:BEFORE_PIXELS] + END,
        WHOLE[:20] + b"\7" + WHOLE[21:],
        SIGNATURE + WHOLE[BEFORE_PIXELS:],
    ],
    ids=[
        "CRC",
        "half",
        "cut",
        "bits",
        "short",
        "one row",
        "half of the rows",
        "interlaced",
        "empty",
        "none",
        "header",
        "no header",
    ],
)
def test_incomplete_pixels_are_corrupt(data: bytes):
    with pytest.raises(CorruptImage):
        decode(data, square())


def test_pixels_without_checksum_are_decoded_at_every_depth_and_interlaced():
    for mode in ("1", "L", "P", "RGBA", "I;16"):
        picture = (
            Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64))
            if mode == "I;16"
            else photo(64, 48).convert(mode)
        )
        data = encode(picture, "PNG")
        at = data.index(b"IDAT")
        length = int.from_bytes(data[at - 4 : at], "big")
        body = data[at + 4 : at + length] + bytes(4)
        broken = data[: at - 4] + chunk(b"IDAT", body) + END
        np.testing.assert_array_equal(full_pixels(broken), full_pixels(data))
    np.testing.assert_array_equal(full_pixels(interlaced(checksum=b"")), RGB)
    np.testing.assert_array_equal(full_pixels(interlaced()), RGB)


def test_a_last_pixel_like_the_mark_is_no_damage():
    for mode, colour in {"1": "white", "L": "#7b7b7b", "RGB": "#0c2238", "RGBA": "#0c22384e"}.items():
        picture = Image.new(mode, (9, 7), colour)
        np.testing.assert_array_equal(full_pixels(encode(picture, "PNG")), full_pixels(encode(picture, "TIFF")))


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"eXIf", EXIF),
        chunk(
            b"zTXt",
            b"Raw profile type exif\0\0"
            + zlib.compress(b"\nexif\n%8d\n" % (len(EXIF) + 6) + (b"Exif\0\0" + EXIF).hex().encode()),
        ),
        chunk(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>'),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<tiff:Orientation>6</tiff:Orientation>")),
    ],
    ids=["EXIF", "raw profile", "XMP", "compressed XMP"],
)
def test_the_orientation_counts_wherever_it_is(extra: bytes, before: bool):
    data = with_chunks(extra) if before else WHOLE[: -len(END)] + extra + END
    assert inspect(data) == decode(data, square())[0] == ImageInfo("PNG", 48, 64)


def test_colors_beyond_the_palette_are_black():
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 1, 8, 3, 0, 0, 0))
    palette, rows = chunk(b"PLTE", b"\xff\xff\xff" * 4), chunk(b"IDAT", zlib.compress(b"\0" + bytes(range(8))))
    pixels = full_pixels(SIGNATURE + header + palette + rows + END)
    np.testing.assert_array_equal(pixels[0, :, 0], [255] * 4 + [0] * 4)


def test_the_default_picture_of_an_animation_is_decoded():
    frames = [photo(64, 48, seed=seed) for seed in (1, 2)]
    data = encode(photo(64, 48), "PNG", save_all=True, append_images=frames, default_image=True)
    np.testing.assert_array_equal(full_pixels(data), RGB)


@pytest.mark.parametrize(
    ("data", "variant"),
    [
        (SIGNATURE + chunk(b"CgBI", bytes(4)) + WHOLE[8:], "CgBI"),
        (with_chunks(chunk(b"ABCD")), "critical chunk b'ABCD'"),
    ],
)
def test_unknown_variants_are_rejected_by_name(data: bytes, variant: str):
    with pytest.raises(UnsupportedImage, match=variant):
        decode(data, square())


def test_a_comment_of_pillow_is_skipped():
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 100_000, zip=True)
    np.testing.assert_array_equal(full_pixels(encode(photo(64, 48), "PNG", pnginfo=text)), RGB)
