"""Pixel formats, color models, transparency and orientations decode to the expected colors."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from serve_app.errors import UnsupportedImage
from serve_app.images.decoding import decode, inspect
from tests.images.pictures import CORNERS, colours_of, corners, encode, photo, square

WHITE, BLACK, RED, GREEN = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0)

STORED = {  # how an upright picture is stored under each EXIF orientation
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def middle(data: bytes) -> tuple[int, ...]:
    return tuple(int(value) for value in decode(data, square(9))[1][4, 4])


def left_and_right(data: bytes) -> list[tuple[int, ...]]:
    pixels = decode(data, square(16))[1]
    return [tuple(int(value) for value in pixels[8, x]) for x in (3, 12)]


def halves(left: object, right: object, dtype: type) -> Image.Image:
    values: np.ndarray = np.empty((32, 32), dtype)
    values[:, :16], values[:, 16:] = left, right
    return Image.fromarray(values)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation_is_applied(file_format: str):
    upright = corners(96, 64)
    for orientation, method in STORED.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encode(upright if method is None else upright.transpose(method), file_format, exif=exif)
        info, pixels = decode(data, square(32, 0.875))
        assert (info.width, info.height) == (96, 64), orientation
        assert inspect(data) == info
        np.testing.assert_allclose(colours_of(pixels), CORNERS, atol=12, err_msg=str(orientation))


@pytest.mark.parametrize("orientation", STORED)
def test_orientation_and_crop_commute(orientation: int):
    """Also for odd sizes: the picture is cropped before it is rotated."""
    upright = photo(101, 64)
    method = STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(upright if method is None else upright.transpose(method), "PNG", exif=exif)
    expected = decode(encode(upright, "PNG"), square(32, 0.9))[1].astype(int)
    assert np.abs(decode(data, square(32, 0.9))[1] - expected).max() <= 1


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
def test_damaged_exif_is_ignored(exif: bytes):
    info, pixels = decode(encode(corners(), "JPEG", exif=exif, quality=95, subsampling=0), square(32))
    assert (info.width, info.height) == (64, 64)
    np.testing.assert_allclose(colours_of(pixels), CORNERS, atol=12)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_unknown_orientations_are_ignored(value: int):
    exif = Image.Exif()
    exif[0x0112] = value
    assert colours_of(decode(encode(corners(), "PNG", exif=exif), square(32))[1]) == list(CORNERS)


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_jpeg_colour_models_are_converted(mode: str, options: dict[str, bool]):
    """CMYK JPEGs are stored inverted, by Adobe and by Pillow."""
    expected = (120, 120, 120) if mode == "L" else (200, 40, 90)
    assert middle(encode(Image.new("RGB", (32, 32), expected).convert(mode), "JPEG", **options)) == pytest.approx(
        expected, abs=3
    )


def test_a_ycck_jpeg_is_converted():
    """CMYK stored as YCCK: transformed pixels, and colour transform 2 in the Adobe marker."""
    cmyk = np.asarray(Image.new("RGB", (32, 32), (200, 40, 90)).convert("CMYK")).astype(np.uint8)
    inverted = 255 - cmyk
    luma = Image.fromarray(255 - inverted[..., :3]).convert("YCbCr")
    stored = np.dstack([np.asarray(luma), inverted[..., 3]])
    data = encode(Image.fromarray(255 - stored, "CMYK"), "JPEG", quality=95)
    at = data.index(b"Adobe") + 11
    assert data[at] == 0
    assert middle(data[:at] + b"\x02" + data[at + 1 :]) == pytest.approx((200, 40, 90), abs=6)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(file_format: str):
    data = encode(halves(0x4000, 0xC000, np.uint16), file_format)
    assert left_and_right(data) == [(0x40,) * 3, (0xC0,) * 3]


def test_sixteen_bit_grey_keeps_its_white():
    assert left_and_right(encode(halves(0, 65535, np.uint16), "PNG")) == [BLACK, WHITE]


def tiff(values: np.ndarray, *, bits: int, sample_format: int, order: str, photometric: int = 1) -> bytes:
    """An uncompressed grey TIFF with properties that Pillow cannot write."""
    raw = values.astype(np.dtype(f"{order}{values.dtype.kind}{values.dtype.itemsize}")).tobytes()
    tags = [(256, values.shape[1]), (257, values.shape[0]), (258, bits), (259, 1), (262, photometric)]
    tags += [(273, 8), (277, 1), (278, values.shape[0]), (279, len(raw)), (339, sample_format)]
    directory = struct.pack(order + "H", len(tags))
    for tag, value in tags:
        directory += struct.pack(order + "HHII", tag, 4, 1, value)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(raw))
    return head + raw + directory + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("values", "sample_format", "expected"),
    [
        (np.array([[0x2000, 0xE000]], np.uint16), 1, [0x20, 0xE0]),
        (np.array([[0, 51]], np.int32), 2, [0, 51]),
        (np.array([[0x2020, 0xE0E0]], np.int32), 2, [0x20, 0xE0]),
        (np.array([[0.25, 1.0]], np.float32), 3, [64, 255]),
        (np.array([[50.0, 200.0]], np.float32), 3, [50, 200]),
        (np.array([[257.0 * 50, 257.0 * 200]], np.float32), 3, [50, 200]),
        (np.array([[np.nan, 1.0]], np.float32), 3, [0, 255]),
        (np.array([[2**29, 2**31 - 1]], np.int32), 2, [64, 255]),
        (np.array([[2**30, 2**32 - 1]], np.uint32), 1, [64, 255]),
    ],
)
def test_deep_grey_tiffs_are_scaled(order: str, values: np.ndarray, sample_format: int, expected: list[int]):
    wide = np.kron(values, np.ones((32, 16), values.dtype)).astype(values.dtype)
    if np.isnan(values).any():
        wide = np.repeat(np.repeat(values, 32, 0), 16, 1)
    data = tiff(wide, bits=values.dtype.itemsize * 8, sample_format=sample_format, order=order)
    assert left_and_right(data) == [(value,) * 3 for value in expected]


@pytest.mark.parametrize(
    ("values", "sample_format", "variant"),
    [
        (np.array([[-20000, 20000]], np.int16), 2, "signed samples below 0"),
        (np.array([[-(2**31), 2**31 - 1]], np.int32), 2, "signed samples below 0"),
        (np.array([[-1e-45, 0]], np.float32), 3, "floating-point samples below 0"),
        (np.array([[-np.inf, 1]], np.float32), 3, "floating-point samples below 0"),
        (np.array([[0, 65536]], np.float32), 3, "floating-point samples above 65,535"),
        (np.array([[0, np.inf]], np.float16), 3, "floating-point samples above 65,535"),
        (np.array([[7e300, np.nan]], np.float64), 3, "floating-point samples above 65,535"),
    ],
)
def test_deep_grey_tiffs_of_an_uncertain_scale_are_rejected(values: np.ndarray, sample_format: int, variant: str):
    wide = np.repeat(np.repeat(values, 32, 0), 16, 1)
    with pytest.raises(UnsupportedImage, match=variant):
        decode(tiff(wide, bits=values.dtype.itemsize * 8, sample_format=sample_format, order="<"), square())


def test_a_tiff_with_white_as_zero_is_inverted():
    values = np.repeat(np.array([[0, 65535]], np.uint16).repeat(16, 1), 32, 0)
    assert left_and_right(tiff(values, bits=16, sample_format=1, order="<", photometric=0)) == [WHITE, BLACK]


def test_a_sixteen_bit_colour_png_is_converted():
    row = b"\0" + struct.pack(">HHH", 0xC8C8, 0x2828, 0x5A5A) * 8
    assert middle(png(16, 2, row * 8)) == (0xC8, 0x28, 0x5A)


@pytest.mark.parametrize(("bits", "value", "colour"), [(1, 0xFF, 255), (1, 0x00, 0), (2, 0xAA, 170), (4, 0x55, 85)])
def test_grey_of_fewer_than_eight_bits_is_scaled(bits: int, value: int, colour: int):
    assert middle(png(bits, 0, (b"\0" + bytes([value]) * bits) * 8)) == (colour,) * 3


def test_one_bit_pictures_are_resized_smoothly():
    checks = Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)).convert("1")
    assert middle(encode(checks, "PNG")) == pytest.approx((127, 127, 127), abs=40)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_transparent_pixels_become_white(file_format: str):
    picture = Image.new("RGBA", (32, 32), (255, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (16, 0, 32, 32))
    options = {"lossless": True} if file_format == "WEBP" else {}
    for got, expected in zip(left_and_right(encode(picture, file_format, **options)), [RED, WHITE], strict=True):
        assert got == pytest.approx(expected, abs=6)


def test_alpha_is_blended_with_white():
    assert middle(encode(Image.new("RGBA", (8, 8), (0, 0, 0, 128)), "PNG")) == (127, 127, 127)
    assert middle(encode(Image.new("LA", (8, 8), (0, 128)), "PNG")) == (127, 127, 127)


def palette(transparency: object = None) -> bytes:
    picture = Image.new("P", (32, 32), 0)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.paste(1, (16, 0, 32, 32))
    return encode(picture, "PNG", **({} if transparency is None else {"transparency": transparency}))


def test_palettes_are_converted():
    assert left_and_right(palette()) == [RED, GREEN]
    assert left_and_right(palette(1)) == [RED, WHITE]
    assert left_and_right(palette(b"\xff\x80")) == [RED, (127, 255, 127)]


@pytest.mark.parametrize(
    ("bits", "colour", "row", "key", "expected"),
    [
        (8, 0, b"\x40" * 4 + b"\x80" * 4, b"\0\x40", [WHITE, (128,) * 3]),
        (4, 0, b"\x44\x44\x88\x88", b"\0\x04", [WHITE, (136,) * 3]),
        (2, 0, b"\x55\xaa", b"\0\x01", [WHITE, (170,) * 3]),
        (1, 0, b"\x0f", b"\0\0", [WHITE, WHITE]),
        (16, 0, b"\x40\x01" * 4 + b"\x40\x02" * 4, b"\x40\x01", [WHITE, (64,) * 3]),
        (8, 2, b"\xff\0\0" * 4 + b"\0\xff\0" * 4, b"\0\xff\0\0\0\0", [WHITE, GREEN]),
        (16, 2, b"\x40\x12\0\0\0\0" * 4 + b"\0\0\xff\xff\0\0" * 4, b"\x40\x12\0\0\0\0", [WHITE, GREEN]),
        (16, 2, b"\xff\xff\0\0\0\0" * 4 + b"\0\0\xff\xff\0\0" * 4, b"\xff\xff\0\0\0\0", [WHITE, GREEN]),
    ],
)
def test_a_transparent_colour_becomes_white(
    bits: int, colour: int, row: bytes, key: bytes, expected: list[tuple[int, ...]]
):
    assert left_and_right(png(bits, colour, (b"\0" + row) * 8, key)) == expected


def png(bits: int, colour: int, rows: bytes, key: bytes | None = None, *, interlace: int = 0) -> bytes:
    """A PNG of 8 × 8 pixels with properties that Pillow cannot write."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 8, 8, bits, colour, 0, 0, interlace))]
    chunks += [(b"tRNS", key)] if key else []
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def test_an_interlaced_png_is_decoded():
    pixels = np.asarray(corners(8, 8))
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b"".join(b"\0" + row.tobytes() for y, x, dy, dx in passes for row in pixels[y::dy, x::dx])
    plain = b"".join(b"\0" + row.tobytes() for row in pixels)
    interlaced = decode(png(8, 2, rows, interlace=1), square(8))[1]
    np.testing.assert_array_equal(interlaced, decode(png(8, 2, plain), square(8))[1])
    np.testing.assert_array_equal(interlaced, pixels)


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "AVIF", "PNG", "TIFF"])
def test_the_first_frame_is_decoded(file_format: str):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "green")]
    options = {} if file_format == "TIFF" else {"duration": 100}
    data = encode(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
    assert Image.open(BytesIO(data)).n_frames == 3  # type: ignore[attr-defined]
    assert middle(data) == pytest.approx(RED, abs=6)


def test_an_mpo_is_decoded_as_its_first_jpeg():
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    data = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert decode(data, square())[0].format == "JPEG"
    assert middle(data) == pytest.approx(RED, abs=6)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_every_tiff_compression_is_decoded(compression: str):
    data = encode(corners(), "TIFF", compression=compression)
    np.testing.assert_allclose(colours_of(decode(data, square(32))[1]), CORNERS, atol=8)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"])
def test_every_tiff_mode_is_decoded(mode: str):
    source = photo().convert("P" if mode == "P" else "RGB")
    picture = (
        source
        if mode in ("P", "RGB")
        else source.convert("L").convert(mode)
        if mode in "I;16F"
        else source.convert(mode)
    )
    info, pixels = decode(encode(picture, "TIFF"), square(16))
    assert (info.width, info.height) == (96, 64)
    assert pixels.shape == (16, 16, 3)
    if mode in ("RGB", "RGBA", "YCbCr", "LAB", "P"):
        expected = decode(encode(photo(), "PNG"), square(16))[1].astype(int)
        assert np.abs(pixels - expected).mean() < 12


def test_a_tiff_with_premultiplied_alpha_is_decoded():
    picture = Image.new("LA", (8, 8), (0, 128))
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    directory[338] = 1
    assert middle(encode(picture, "TIFF", tiffinfo=directory)) == pytest.approx((127, 127, 127), abs=1)
