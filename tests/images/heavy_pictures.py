"""Files that take much memory to decode, of every kind."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.images.pictures import encode
from tests.images.test_avif import extents, pack_avif, payload, properties
from tests.images.tiffs import deepened, pack_tiff, write_directory

Size = tuple[int, int]
Files = Iterator[tuple[str, bytes]]


def honest(size: Size) -> Files:
    """A picture of every format and kind of pixels, as encoders write it."""
    grey = Image.linear_gradient("L").resize(size)
    rgb = Image.merge("RGB", (grey, grey.transpose(Image.Transpose.FLIP_TOP_BOTTOM), grey.rotate(180)))
    rgba = rgb.copy()
    rgba.putalpha(grey)
    yield from _jpegs(rgb)
    yield from _pngs(rgb, rgba)
    yield from _gifs(rgb)
    yield from _bmps(rgb)
    yield from _webps(rgb, rgba)
    yield from _avifs(rgb, rgba)
    yield from _tiffs(rgb, rgba)


def _jpegs(rgb: Image.Image) -> Files:
    for mode in ("L", "RGB", "CMYK"):
        for progressive in (False, True):
            data = encode(rgb.convert(mode), "JPEG", progressive=progressive, subsampling=0, quality=40)
            yield f"JPEG {mode}, progressive: {progressive}", data
    yield "JPEG of 8 rows", encode(rgb.resize((65_000, 8)), "JPEG", progressive=True)


def _pngs(rgb: Image.Image, rgba: Image.Image) -> Files:
    for mode in ("1", "L", "P", "LA", "RGB"):
        yield f"PNG {mode}", encode(rgb.convert(mode), "PNG", compress_level=1)
    yield "PNG RGBA", encode(rgba, "PNG", compress_level=1)
    yield "PNG 16", encode(Image.fromarray(deepened(np.asarray(rgb.convert("L")), 16)), "PNG", compress_level=1)
    keyed = encode(rgb, "PNG", compress_level=1, transparency=(1, 2, 3))
    yield "PNG with a transparent color", keyed
    at = keyed.index(b"IDAT")
    length = int.from_bytes(keyed[at - 4 : at], "big")
    yield "PNG with a wrong checksum", repaired(keyed, at, length)
    noise = encode(Image.effect_noise(rgb.size, 80).convert("RGB"), "PNG", compress_level=0)
    at = noise.index(b"IDAT")
    yield "large PNG with a wrong checksum", repaired(noise, at, int.from_bytes(noise[at - 4 : at], "big"))
    for size in ((1, 2_000_000), (2_000_000, 1)):
        for mode in ("L", "LA"):
            yield f"PNG {mode} of {size}", encode(Image.new(mode, size), "PNG")


def repaired(data: bytes, at: int, length: int) -> bytes:
    """All pixels in one chunk, whose zlib checksum is wrong and whose own is right."""
    stream, end = b"", at - 4
    while data[end + 4 : end + 8] == b"IDAT":
        size = int.from_bytes(data[end : end + 4], "big")
        stream += data[end + 8 : end + 8 + size]
        end += 12 + size
    stream = stream[:-4] + b"\0\0\0\0"
    body = b"IDAT" + stream
    chunk = struct.pack(">I", len(stream)) + body + struct.pack(">I", zlib.crc32(body))
    return data[: at - 4] + chunk + data[end:]


def _gifs(rgb: Image.Image) -> Files:
    whole = encode(rgb, "GIF")
    yield "GIF", whole
    yield "GIF with a larger screen", whole[:6] + struct.pack("<HH", rgb.width + 10, rgb.height + 10) + whole[10:]
    small = encode(rgb.resize((10, 10)), "GIF")
    yield "GIF of a small frame", small[:6] + struct.pack("<HH", *rgb.size) + small[10:]


def _bmps(rgb: Image.Image) -> Files:
    for mode in ("1", "L", "P"):
        yield f"BMP {mode}", encode(rgb.convert(mode), "BMP")
    small = rgb.resize((min(rgb.width, 2500), min(rgb.height, 2000)))
    yield "BMP RGB", encode(small, "BMP")
    yield "BMP RGBA", encode(small.convert("RGBA"), "BMP")
    width, height = small.size
    rows = bytes(-(-2 * width // 4) * 4 * height)
    yield "BMP 16", bmp(small.size, 16, 3, struct.pack("<III", 0xF800, 0x7E0, 0x1F) + rows, skipped=12)
    yield "BMP of runs", bmp(rgb.size, 8, 1, bytes(1024) + b"\xff\1" * 10 + b"\0\1", skipped=1024)
    yield "BMP of 4 bits", bmp(rgb.size, 4, 0, bytes(64 + -(-rgb.width // 8) * 4 * rgb.height), skipped=64)


def bmp(size: Size, bits: int, compression: int, body: bytes, skipped: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(body), 0, 0, 54 + skipped) + header + body


def _webps(rgb: Image.Image, rgba: Image.Image) -> Files:
    for name, picture in (("RGB", rgb), ("RGBA", rgba)):
        yield f"WebP {name}", encode(picture, "WEBP", quality=20, method=0)
        yield f"lossless WebP {name}", encode(picture, "WEBP", lossless=True, quality=0, method=0)
    small = encode(rgba.resize((64, 64)), "WEBP", save_all=True, append_images=[rgb.resize((64, 64))])
    canvas = b"".join((side - 1).to_bytes(3, "little") for side in rgb.size)
    at = small.index(b"VP8X") + 12
    yield "WebP of a small frame", small[:at] + canvas + small[at + 6 :]


def _avifs(rgb: Image.Image, rgba: Image.Image) -> Files:
    for subsampling in ("4:0:0", "4:2:0", "4:4:4"):
        for name, picture in (("RGB", rgb), ("RGBA", rgba)):
            yield f"AVIF {name} {subsampling}", encode(picture, "AVIF", speed=10, quality=20, subsampling=subsampling)
    tile = encode(rgb.resize((512, 512)), "AVIF", speed=10)
    across, down = -(-rgb.width // 512), -(-rgb.height // 512)
    numbers = range(2, 2 + across * down)
    size = (rgb.width, rgb.height)
    items = {1: (b"grid", bytes((0, 0, down - 1, across - 1)) + struct.pack(">HH", *size), [extents(size)])}
    items |= {number: (b"av01", payload(tile), properties(tile)) for number in numbers}
    if len(items) * len(properties(tile)) < 120:
        reference = struct.pack(f">HH{len(numbers)}H", 1, len(numbers), *numbers)
        yield "AVIF of tiles", pack_avif(items, struct.pack(">I", 8 + len(reference)) + b"dimg" + reference)


def _tiffs(rgb: Image.Image, rgba: Image.Image) -> Files:
    pixels = np.asarray(rgba)
    for bits in (1, 8, 12, 16):
        for samples, photometric in ((1, 1), (3, 2), (4, 2)):
            for planar in (False, True) if samples > 1 else (False,):
                data = pack_tiff(deepened(pixels[..., :samples], bits), bits, photometric, deflate=True, planar=planar)
                yield f"TIFF {samples} × {bits}, planes: {planar}", data
    for bits, kind, predictor in ((32, "u", 1), (32, "f", 3), (64, "f", 1)):
        deep = deepened(pixels[..., :1], bits, kind)
        yield f"TIFF 1 × {bits}{kind}", pack_tiff(deep, bits, 1, deflate=True, predictor=predictor)
    planes = np.repeat(deepened(pixels[..., :1], 16), 16, axis=2)
    yield "TIFF 16 × 16, planes: True", pack_tiff(planes, 16, 1, deflate=True, planar=True)
    yield "TIFF in tiles", pack_tiff(deepened(pixels[..., :3], 16), 16, 2, deflate=True, tile=(512, 256), predictor=2)
    yield "TIFF with rows", pack_tiff(pixels[..., :3], 8, 2, deflate=True, rows=16)
    for compression in ("jpeg", "tiff_lzw", "zstd", "lzma", "packbits"):
        yield f"TIFF {compression}", encode(rgb, "TIFF", compression=compression)
    for compression in ("group3", "group4"):
        yield f"TIFF {compression}", encode(rgb.convert("1"), "TIFF", compression=compression)
    for mode, photometric in (("CMYK", 5), ("LAB", 8), ("YCbCr", 6)):
        converted = np.asarray(rgb.convert(mode))
        yield f"TIFF {mode}", pack_tiff(converted, 8, photometric, deflate=True, tags={530: (1, 1)})
    yield from _pictures_in_tiffs(rgb, rgba)


def _pictures_in_tiffs(rgb: Image.Image, rgba: Image.Image) -> Files:
    width, height = rgb.size
    for name, picture, compression, photometric in (
        ("WebP", rgb, 50001, 2),
        ("WebP", rgba, 50001, 2),
        ("JPEG", rgb.convert("CMYK"), 7, 5),
        ("JPEG", rgb.convert("L"), 7, 0),
    ):
        options = {"progressive": True, "subsampling": 0} if name == "JPEG" else {"lossless": True, "method": 0}
        samples = len(picture.getbands())
        fields = {256: (width,), 257: (height,), 258: (8,) * samples, 259: (compression,), 262: (photometric,)}
        fields |= {277: (samples,), 338: (2,)} if picture is rgba else {277: (samples,)}
        for rows in {height, -(-height // 2)}:
            half = picture.crop((0, 0, width, rows))
            block = encode(half, name.upper(), quality=30, **options)
            count = -(-height // rows)
            yield (
                f"TIFF of {count} {name} {picture.mode}",
                write_directory(fields | {278: (rows,)}, [block] * count),
            )
