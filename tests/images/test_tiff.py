"""TIFFs are decoded in every layout whose samples are understood, and rejected by name in others."""

import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from PIL import Image

from serve_app.errors import CorruptImage, TooManyPixels, UnsupportedImage
from serve_app.images import tiff_samples
from serve_app.images.decoding import decode, inspect, open_image
from serve_app.types import ImageInfo
from tests.images.pictures import encode, full_pixels, photo, square
from tests.images.tiffs import Values, deepened, pack_tiff, write_directory

RGB = np.asarray(photo(70, 45))
GREY = np.asarray(photo(70, 45).convert("L"))[..., None]
SMALL_GREY: dict[int, Values] = {256: (16,), 257: (1,), 258: (8,), 259: (1,), 262: (1,)}
ALPHA = np.broadcast_to(np.repeat(np.array([0, 128, 255], np.uint8), (23, 23, 24))[None, :, None], (45, 70, 1))
ON_WHITE = 255 - ((255 - RGB.astype(int)) * ALPHA / 255)

LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {"rows": 7},
    "big-endian": {"order": ">"},
    "BigTIFF": {"big": True},
    "big-endian BigTIFF": {"big": True, "order": ">"},
    "planes": {"planar": True, "rows": 10},
    "tiles": {"tile": (16, 32)},
    "planes of tiles": {"planar": True, "tile": (32, 16), "order": ">"},
    "reversed bits": {"reverse": True},
    "deflate": {"deflate": True, "rows": 8},
    "predictor": {"deflate": True, "predictor": 2},
    "predictor in tiles": {"deflate": True, "predictor": 2, "tile": (16, 16), "order": ">"},
    "predictor in planes": {"deflate": True, "predictor": 2, "planar": True, "rows": 9},
    "predictor for floating-point": {"deflate": True, "predictor": 3, "order": ">"},
    "predictor for floating-point in tiles": {"deflate": True, "predictor": 3, "tile": (32, 32)},
    "predictor for floating-point in planes": {"deflate": True, "predictor": 3, "planar": True},
}

DEPTHS = [(bits, "u") for bits in (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 32, 64)] + [(bits, "f") for bits in (16, 32, 64)]


CELLS = [(*depth, name) for depth in DEPTHS for name in LAYOUTS if depth[1] == "f" or "floating" not in name]


@pytest.mark.parametrize(("bits", "kind", "layout"), CELLS)
def test_every_layout_of_every_depth_is_the_same_picture(bits: int, kind: str, layout: str):
    options = LAYOUTS[layout]
    if options.get("predictor") == 2 and bits % 8:
        with pytest.raises(UnsupportedImage, match=f"predictor 2 for {bits}-bit samples"):
            decode(pack_tiff(deepened(GREY, bits), bits, 1, **options), square())
        return
    for values, photometric in ((GREY, 1), (RGB, 2)):
        pixels = full_pixels(pack_tiff(deepened(values, bits, kind), bits, photometric, **options))
        allowance = 255 / (2**bits - 1) if bits < 8 else 1
        assert np.abs(pixels - values.astype(int)).max() <= allowance


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pictures_are_converted_in_bands(layout: str, monkeypatch: pytest.MonkeyPatch):
    """Tiles may end below the picture by more than a band, as those of large pictures do."""
    monkeypatch.setattr(tiff_samples, "_BAND_SAMPLES", 8 * 80 * 3)
    kind = "f" if "floating" in layout else "u"
    pixels = full_pixels(pack_tiff(deepened(RGB, 16, kind), 16, 2, **LAYOUTS[layout]))
    assert np.abs(pixels - RGB.astype(int)).max() <= 1


@pytest.mark.parametrize("layout", ["strips", "planes", "planes of tiles", "predictor in tiles", "BigTIFF"])
@pytest.mark.parametrize("bits", [8, 16])
def test_transparency_is_on_white_and_further_samples_are_ignored(bits: int, layout: str):
    premultiplied = (RGB.astype(int) * ALPHA // 255).astype(np.uint8)
    cmyk = np.asarray(Image.fromarray(RGB).convert("CMYK"))
    for parts, photometric, extra, expected in (
        ((RGB, ALPHA), 2, (2,), ON_WHITE),
        ((premultiplied, ALPHA), 2, (1,), ON_WHITE),
        ((RGB, ALPHA), 2, None, ON_WHITE),
        ((RGB, ALPHA), 2, (0,), RGB),
        ((RGB, GREY, ALPHA), 2, (0, 2), ON_WHITE),
        ((GREY, ALPHA), 1, (2,), 255 - (255 - GREY.astype(int)) * ALPHA / 255),
        ((255 - GREY, ALPHA), 0, (2,), 255 - (255 - GREY.astype(int)) * ALPHA / 255),
        ((GREY, ALPHA), 1, (0,), GREY),
        ((cmyk,), 5, None, RGB),
        ((cmyk, ALPHA), 5, (2,), ON_WHITE),
        ((cmyk, ALPHA), 5, (0,), RGB),
    ):
        samples = deepened(np.concatenate(parts, axis=2), bits)
        data = pack_tiff(samples, bits, photometric, tags={338: extra} if extra else {}, **LAYOUTS[layout])
        assert np.abs(full_pixels(data) - expected).max() <= 3


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("scale", [1, 257])
def test_palettes_of_8_and_16_bits_are_applied(bits: int, scale: int):
    quantized = Image.fromarray(RGB).quantize(2**bits, dither=Image.Dither.NONE)
    colours = np.array((quantized.getpalette() or [])[: 3 * 2**bits]).reshape(-1, 3)
    table = tuple(int(value) * scale for value in np.pad(colours, ((0, 2**bits - len(colours)), (0, 0))).T.ravel())
    indices = np.asarray(quantized)[..., None]
    for options in ({}, {"tile": (16, 16)}, {"deflate": True}):
        data = pack_tiff(indices, bits, 3, tags={320: table}, **options)
        np.testing.assert_array_equal(full_pixels(data), colours[indices[..., 0]])
    with pytest.raises(CorruptImage, match="palette"):
        decode(pack_tiff(indices, bits, 3, tags={320: table[:-1]}), square())


@pytest.mark.parametrize("bits", [1, 4, 8, 12, 16])
def test_white_may_be_zero(bits: int):
    black = full_pixels(pack_tiff(deepened(GREY, bits), bits, 1))
    np.testing.assert_array_equal(full_pixels(pack_tiff(deepened(GREY, bits), bits, 0)), 255 - black)


@pytest.mark.parametrize("across", [1, 2, 4])
@pytest.mark.parametrize("down", [1, 2, 4])
def test_subsampled_ycbcr_is_converted(across: int, down: int):
    padding = ((0, -45 % down), (0, -70 % across), (0, 0))
    ycbcr = np.pad(np.asarray(Image.fromarray(RGB).convert("YCbCr")), padding, mode="edge")
    blocks = ycbcr.reshape(ycbcr.shape[0] // down, down, -1, across, 3)
    light = blocks[..., 0].swapaxes(1, 2).reshape(*blocks.shape[::2][:2], -1)
    raw = np.concatenate((light, blocks[..., 1:].mean((1, 3))), axis=2).astype(np.uint8).tobytes()
    fields = {256: (70,), 257: (45,), 258: (8, 8, 8), 259: (1,), 262: (6,), 277: (3,), 278: (45,), 530: (across, down)}
    coarse = blocks[..., 1:].mean((1, 3), keepdims=True).astype(np.uint8)
    blocks = np.concatenate((blocks[..., :1], np.broadcast_to(coarse, (*blocks.shape[:-1], 2))), axis=-1)
    expected = np.asarray(Image.frombytes("YCbCr", ycbcr.shape[1::-1], blocks.tobytes()).convert("RGB"))[:45, :70]
    np.testing.assert_array_equal(full_pixels(write_directory(fields, [raw])), expected)


def test_lab_is_converted():
    lab = encode(photo(70, 45).convert("LAB"), "TIFF")
    assert np.abs(full_pixels(lab) - RGB).mean() < 8


@pytest.mark.parametrize("mode", ["L", "RGB", "YCbCr", "CMYK"])
@pytest.mark.parametrize("quality", [80, 95])
def test_jpegs_in_tiffs_are_decoded_only_if_complete(mode: str, quality: int):
    picture = photo(70, 45).convert("L" if mode == "L" else mode)
    data = encode(picture, "TIFF", compression="jpeg", quality=quality)
    expected = np.asarray((picture if mode != "L" else photo(70, 45).convert("L")).convert("RGB")).astype(int)
    assert np.abs(full_pixels(data) - expected).mean() < 4
    end = data.rindex(b"\xff\xd9")
    start = data.rindex(b"\xff\xda", 0, end)
    middle = (start + end) // 2
    with pytest.raises(CorruptImage):
        decode(data[:middle] + b"\xff\xd9" + data[middle + 2 :], square())


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax_compression_is_decoded(compression: str):
    picture = photo(70, 45).convert("1")
    whole = encode(picture, "TIFF", compression=compression)
    np.testing.assert_array_equal(full_pixels(whole), np.asarray(picture.convert("RGB")))
    at = whole.index(struct.pack("<HHI", 279, 4, 1)) + 8
    for share in (0.3, 0.6, 0.9):
        size = int(int.from_bytes(whole[at : at + 4], "little") * share)
        with pytest.raises(CorruptImage):
            decode(whole[:at] + struct.pack("<I", size) + whole[at + 4 :], square())


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd", "lzma", "tiff_deflate"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
def test_compressions_of_other_encoders_are_decoded(mode: str, compression: str):
    picture = Image.fromarray(deepened(GREY[..., 0], 16)) if mode == "I;16" else photo(70, 45).convert(mode)
    expected = GREY if mode in ("L", "I;16") else RGB
    pixels = full_pixels(encode(picture, "TIFF", compression=compression))
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, pixels.shape))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_in_tiff_is_decoded(mode: str):
    picture = photo(70, 45)
    if mode == "RGBA":
        picture.putalpha(Image.fromarray(ALPHA[..., 0]))
    block = encode(picture, "WEBP", lossless=True)
    fields = {256: (70,), 257: (45,), 258: (8,) * len(mode), 259: (50001,), 262: (2,), 277: (len(mode),), 278: (45,)}
    expected = ON_WHITE if mode == "RGBA" else RGB
    extra = {338: (2,)} if mode == "RGBA" else {}
    assert np.abs(full_pixels(write_directory(fields | extra, [block])) - expected).max() <= 1


def changed(**changes: Any) -> bytes:
    """A grey TIFF with other tags, named ``t`` and the number."""
    return pack_tiff(GREY, 8, 1, tags={int(name[1:]): value for name, value in changes.items()})


@pytest.mark.parametrize(
    ("data", "variant"),
    [
        (pack_tiff(deepened(GREY, 32), 32, 1, tags={258: 24}), "24-bit unsigned samples"),
        (pack_tiff(deepened(GREY, 32, "f"), 32, 1, tags={258: 24}), "24-bit floating-point samples"),
        (changed(t339=5, t258=64), "complex samples"),
        (changed(t259=6), "old-style JPEG compression"),
        (changed(t259=34712), "JPEG 2000 compression"),
        (changed(t259=34676, t262=32845), "LogLuv"),
        (changed(t259=12345), "number 12345 compression"),
        (changed(t262=32803), "raw sensor data"),
        (changed(t262=9), "ICC Lab colors"),
        (changed(t262=4), "transparency mask"),
        (changed(t277=100), "100 samples"),
        (pack_tiff(RGB, 8, 2, tags={258: (8, 8, 16)}), "different bit depths"),
        (pack_tiff(np.concatenate((RGB, GREY), axis=2), 8, 5, tags={332: 2}), "inks other than CMYK"),
        (pack_tiff(GREY, 8, 1, tags={317: 7, 259: 8}), "predictor 7"),
        (pack_tiff(deepened(RGB, 16), 16, 8), "Lab colors of 16 bits"),
    ],
)
def test_unknown_variants_are_rejected_by_name(data: bytes, variant: str):
    with pytest.raises(UnsupportedImage, match=variant):
        decode(data, square())


@pytest.mark.parametrize(
    "data",
    [
        changed(t273=5_000_000),
        changed(t256=700),
        changed(t257=0),
        changed(t278=0),
        pack_tiff(RGB, 8, 2, tile=(16, 16), tags={324: (8, 8)}),
        pack_tiff(RGB, 8, 2, rows=10, deflate=True)[:400] + b"II",
        pack_tiff(RGB, 8, 2)[:200],
    ],
)
def test_contradictions_are_corrupt(data: bytes):
    with pytest.raises(CorruptImage):
        decode(data, square())


@pytest.mark.parametrize(("file_format", "compression"), [("JPEG", 7), ("WEBP", 50001)])
def test_a_picture_larger_than_its_tile_is_not_decoded(file_format: str, compression: int):
    fields = {256: (64,), 257: (48,), 258: (8,) * 3, 259: (compression,), 262: (2,), 277: (3,), 278: (48,)}
    assert decode(write_directory(fields, [encode(photo(64, 48), file_format)]), square())
    with pytest.raises(CorruptImage, match="larger"):
        decode(write_directory(fields, [encode(photo(96, 48), file_format)]), square())
    with pytest.raises(CorruptImage, match="missing"):
        decode(write_directory(fields, [encode(photo(64, 40), file_format)]), square())


def test_cut_strips_are_corrupt():
    whole = pack_tiff(RGB, 8, 2, rows=10, deflate=True)
    (offset,) = struct.unpack_from("<I", whole, 4)
    data = bytearray(whole)
    data[offset - 60 : offset] = bytes(60)
    with pytest.raises(CorruptImage):
        decode(bytes(data), square())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pack_tiff(GREY[:1, :1], 8, 1, tags={256: 8000, 257: 8000, 258: 64, 277: 1, 339: 3, 278: 8000}), "of memory"),
        (pack_tiff(np.zeros((1, 1, 16), np.uint8), 8, 1, tags={256: 8000, 257: 8000, 278: 8000}), "MB of samples"),
        (write_directory(SMALL_GREY | {322: (2**31,), 323: (2**31,)}, [b"1"], tiled=True), "tiles of"),
        (write_directory(SMALL_GREY | {322: (4112,), 323: (4112,)}, [b"1"], tiled=True), "tiles of"),
        (write_directory(SMALL_GREY | {256: (3_000_000,), 258: (32,), 278: (1,)}, [bytes(12_000_000)]), "rows of"),
    ],
    ids=["numbers", "samples", "a large tile", "a tile", "a row"],
)
def test_tiles_and_samples_larger_than_memory_are_rejected_before_decoding(data: bytes, reason: str):
    with pytest.raises((TooManyPixels, UnsupportedImage), match=reason):
        inspect(data)


def test_the_positions_of_strips_are_charged():
    def claimed(strips: int) -> int:
        places: dict[int, Values] = {257: (strips,), 278: (1,), 273: (8,) * strips, 279: (10,) * strips}
        return open_image(write_directory(SMALL_GREY | places, [bytes(16)]), square()).decoded_bytes

    assert claimed(100_000) - claimed(10) > 100_000 * 100, "kept here and by Pillow, besides copies of the file"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_applies_to_every_layout(orientation: int):
    whole = decode(pack_tiff(RGB, 8, 2, tags={274: orientation}), square())
    assert whole[0] == inspect(pack_tiff(RGB, 8, 2, tags={274: orientation}))
    assert whole[0] == ImageInfo("TIFF", *((45, 70) if orientation >= 5 else (70, 45)))
    other = decode(pack_tiff(deepened(RGB, 16), 16, 2, planar=True, order=">", tags={274: orientation}), square())
    assert np.abs(whole[1].astype(int) - other[1]).max() <= 1


def test_other_pages_and_tags_do_not_matter():
    plain = full_pixels(encode(photo(), "TIFF"))
    pages = encode(photo(), "TIFF", save_all=True, append_images=[photo(seed=1), photo(seed=2)])
    np.testing.assert_array_equal(full_pixels(pages), plain)
    tags = {330: 4, 34665: 8, 700: 77, 33723: 99, 34377: 5, 34853: 2**31}
    np.testing.assert_array_equal(full_pixels(pack_tiff(RGB, 8, 2, tags=tags)), RGB)


def test_a_missing_interpretation_is_guessed_from_the_samples():
    for values, bits in ((GREY, 8), (RGB, 16)):
        data = pack_tiff(deepened(values, bits), bits, 1)
        at = data.index(struct.pack("<HHI", 262, 3, 1))
        assert np.abs(full_pixels(data[:at] + struct.pack("<H", 263) + data[at + 2 :]) - values.astype(int)).max() <= 1


def test_libtiff_prints_nothing_of_damaged_rows(capfd: pytest.CaptureFixture[str]):
    """A line for each would fill the disk with logs."""
    fields: dict[int, tuple[int, ...]] = {256: (8,), 257: (2_000,), 258: (1,), 259: (3,), 262: (0,), 278: (2_000,)}
    with suppress(CorruptImage):
        decode(write_directory(fields, [(b"\xfe\0\x10" * 2_000)[:4_000]]), square())
    assert capfd.readouterr().err == ""
