"""BMPs of Windows and OS/2 are decoded in every depth and compression, or rejected by name."""

import struct

import numpy as np
import pytest
from PIL import Image

from serve_app.errors import CorruptImage, UnsupportedImage
from serve_app.images.bmp_runs import MAX_RUNS
from serve_app.images.decoding import decode
from tests.images.pictures import encode, full_pixels, photo, square

WIDTH, HEIGHT = 21, 14
RGB = np.asarray(photo(WIDTH, HEIGHT))
MASKS = {
    "555": (16, (0x7C00, 0x3E0, 0x1F)),
    "565": (16, (0xF800, 0x7E0, 0x1F)),
    "444": (16, (0xF00, 0xF0, 0xF)),
    "BGR": (24, (0xFF, 0xFF00, 0xFF0000)),
    "10-10-10": (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    "RGBX": (32, (0xFF000000, 0xFF0000, 0xFF00)),
    "XBGR": (32, (0xFF, 0xFF00, 0xFF0000)),
    "11-11-10": (32, (0xFFE00000, 0x1FFC00, 0x3FF)),
}


def bmp(
    rows: bytes,
    bits: int,
    *,
    length: int = 40,
    compression: int = 0,
    palette: bytes = b"",
    masks: tuple[int, ...] = (),
    top_down: bool = False,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> bytes:
    width, height = size
    if length == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        whole = struct.pack(
            "<IiiHHIIiiII", length, width, -height if top_down else height, 1, bits, compression, *(0,) * 5
        )
        inside = struct.pack(f"<{len(masks)}I", *masks) if length > 40 else b""
        header = (whole + inside).ljust(length, b"\0")[:length]
    beyond = struct.pack(f"<{len(masks)}I", *masks) if length == 40 else b""
    offset = 14 + len(header) + len(beyond) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + header + beyond + palette + rows


def rows_of(values: np.ndarray, bits: int, *, top_down: bool = False) -> bytes:
    """Rows of pixel values (H, W), padded to 4 bytes."""
    ordered = values if top_down else values[::-1]
    if bits >= 8:
        raw = ordered.astype("<u4").reshape(*ordered.shape, 1).view(np.uint8).reshape(*ordered.shape, 4)
        packed = raw[..., : bits // 8].reshape(len(ordered), -1)
    else:
        places = np.arange(bits - 1, -1, -1)
        packed = np.packbits(((ordered[..., None] >> places) & 1).reshape(len(ordered), -1).astype(np.uint8), axis=1)
    return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 4))).tobytes()


def masked(masks: tuple[int, ...], channels: np.ndarray) -> np.ndarray:
    """Pixel values of channels (H, W, C) of 8 bits."""
    values = np.zeros(channels.shape[:2], np.uint64)
    for channel, mask in enumerate(masks):
        shift = (mask & -mask).bit_length() - 1
        values |= np.round(channels[..., channel] / 255 * (mask >> shift)).astype(np.uint64) << np.uint64(shift)
    return values


def quantized(bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (H, W) and colors (N, 3)."""
    picture = Image.fromarray(RGB).quantize(2**bits, dither=Image.Dither.NONE)
    return np.asarray(picture).astype(np.int64), np.array(
        (picture.getpalette() or [])[: 3 * 2**bits], np.uint8
    ).reshape(-1, 3)


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("length", [12, 16, 20, 40, 52, 56, 64, 108, 124])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16, 24, 32])
def test_every_header_and_depth_is_decoded(bits: int, length: int, top_down: bool):
    if length == 12 and top_down:
        return
    if bits <= 8:
        indices, colours = quantized(bits)
        entry = colours[:, ::-1] if length == 12 else np.pad(colours[:, ::-1], ((0, 0), (0, 1)))
        rows, palette, expected = rows_of(indices, bits, top_down=top_down), entry.tobytes(), colours[indices]
    else:
        masks = MASKS["555"][1] if bits == 16 else (0xFF0000, 0xFF00, 0xFF)
        rows, palette, expected = rows_of(masked(masks, RGB), bits, top_down=top_down), b"", RGB
    pixels = full_pixels(bmp(rows, bits, length=length, palette=palette, top_down=top_down))
    assert np.abs(pixels - expected).max() <= (5 if bits == 16 else 0)


@pytest.mark.parametrize("length", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("name", MASKS)
def test_any_masks_are_applied(name: str, length: int):
    bits, masks = MASKS[name]
    data = bmp(rows_of(masked(masks, RGB), bits), bits, length=length, compression=3, masks=masks)
    narrowest = min(f"{mask:b}".count("1") for mask in masks)
    assert np.abs(full_pixels(data) - RGB).max() <= 128 / 2**narrowest + 1


@pytest.mark.parametrize("masks", [(0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF0000, 0xFF00, 0xFF)])
@pytest.mark.parametrize(("length", "compression"), [(56, 3), (108, 3), (124, 3), (40, 6)])
def test_alpha_is_on_white_unless_it_is_0_everywhere(length: int, compression: int, masks: tuple[int, ...]):
    alpha = np.broadcast_to(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, WIDTH))[..., None]
    for opacity, expected in ((alpha, 255 - (255 - RGB.astype(int)) * alpha / 255), (alpha * 0, RGB)):
        values = masked(masks, np.concatenate((RGB, opacity), axis=2))
        data = bmp(rows_of(values, 32), 32, length=length, compression=compression, masks=masks)
        assert np.abs(full_pixels(data) - expected).max() <= 1


def test_the_fourth_byte_without_a_mask_is_ignored():
    values = masked((0xFF0000, 0xFF00, 0xFF, 0xFF000000), np.dstack((RGB, np.full(RGB.shape[:2], 7))))
    for length in (40, 108):
        np.testing.assert_array_equal(full_pixels(bmp(rows_of(values, 32), 32, length=length)), RGB)


def runs(indices: np.ndarray, half: bool) -> bytes:
    """Runs, and pixels as they are in every second row."""
    data = b""
    for y, row in enumerate(indices[::-1]):
        values = [int(value) for value in row]
        if y % 2:
            stored = (
                bytes(a << 4 | b for a, b in zip(values[::2], [*values[1::2], 0], strict=False))
                if half
                else bytes(values)
            )
            data += bytes((0, len(values))) + stored + bytes(len(stored) % 2)
        else:
            data += b"".join(bytes((1, value << 4 if half else value)) for value in values)
        data += b"\0\0"
    return data + b"\0\1"


@pytest.mark.parametrize("bits", [4, 8])
def test_run_lengths_are_decoded(bits: int):
    indices, colours = quantized(bits)
    data = bmp(
        runs(indices, bits == 4),
        bits,
        compression=1 if bits == 8 else 2,
        palette=np.pad(colours[:, ::-1], ((0, 0), (0, 1))).tobytes(),
    )
    np.testing.assert_array_equal(full_pixels(data), colours[indices])
    with pytest.raises(CorruptImage, match="missing"):
        decode(data[: -len(data) // 4], square())


def test_skipped_pixels_and_long_runs():
    palette = bytes((0, 0, 0, 0, 255, 0, 0, 0))
    data = bmp(b"\2\1\0\2\3\1" + b"\xff\1" + b"\0\1", 8, compression=1, palette=palette, size=(8, 3))
    blue = np.array([[0] * 8, [0] * 5 + [1] * 3, [1, 1] + [0] * 6])
    np.testing.assert_array_equal(full_pixels(data)[..., 2] // 255, blue)


def test_the_number_of_runs_is_limited():
    with pytest.raises(UnsupportedImage, match="runs"):
        decode(bmp(b"\0\0" * (MAX_RUNS + 1), 8, compression=1, palette=bytes(1024)), square())


def test_colors_beyond_the_palette_are_black():
    indices = np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) % 4
    data = bmp(rows_of(indices, 8), 8, palette=bytes((255, 255, 255, 0)) * 2)
    np.testing.assert_array_equal(full_pixels(data)[..., 0], np.where(indices < 2, 255, 0))


@pytest.mark.parametrize(
    ("data", "variant"),
    [
        (bmp(b"", 0, compression=4), "embedded JPEG"),
        (bmp(b"", 0, compression=5), "embedded PNG"),
        (bmp(b"", 24, length=64, compression=4), "RLE24"),
        (bmp(b"", 1, length=64, compression=3), "Huffman"),
        (bmp(bytes(9000), 64), "64 bits"),
        (bmp(bytes(9000), 24, compression=77), "compression 77"),
        (bmp(bytes(9000), 24)[:14] + struct.pack("<I", 41) + bytes(100), "header of 41 bytes"),
        (bmp(bytes(9000), 32, compression=3, masks=(0xF0F, 0xF0, 0xF000)), "separated bits"),
    ],
)
def test_unknown_variants_are_rejected_by_name(data: bytes, variant: str):
    with pytest.raises(UnsupportedImage, match=variant):
        decode(data, square())


def test_only_the_padding_of_the_last_row_may_be_missing():
    whole = bmp(rows_of(masked((0xFF0000, 0xFF00, 0xFF), RGB), 24), 24)
    np.testing.assert_array_equal(full_pixels(whole[:-1]), RGB)
    with pytest.raises(CorruptImage, match="missing"):
        decode(whole[:-2], square())
    with pytest.raises(CorruptImage, match="0"):
        decode(bmp(b"", 24, size=(0, 5)), square())


def test_grey_and_two_colors_of_pillow_are_decoded():
    for mode in ("1", "L", "P"):
        picture = photo(33, 20).convert(mode)
        np.testing.assert_array_equal(full_pixels(encode(picture, "BMP")), np.asarray(picture.convert("RGB")))
