"""Files whose headers claim or hide something."""

import lzma
import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from tests.images.heavy_pictures import Files, Size, bmp
from tests.images.pictures import encode
from tests.images.test_avif import hidden, pack_avif, payload, properties
from tests.images.test_shared_parts import FILES, fax, large_tiles
from tests.images.tiffs import Values, pack_tiff, write_directory
from tests.images.webps import many_codes


def hostile(size: Size) -> Files:
    """Small files that claim ``size`` somewhere, or hide it."""
    tiny = Image.new("RGB", (16, 16), "red")
    wide = struct.pack(">HH", *reversed(size))
    for progressive in (False, True):
        jpeg = encode(tiny, "JPEG", progressive=progressive)
        at = jpeg.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
        yield f"JPEG that claims, progressive: {progressive}", jpeg[:at] + wide + jpeg[at + 4 :]
        sampled = bytearray(jpeg[:at] + wide + jpeg[at + 4 :])
        sampled[at + 6], sampled[at + 9], sampled[at + 12] = 0x11, 0x44, 0x44
        yield f"JPEG with its sampling, progressive: {progressive}", bytes(sampled)
    yield "JPEG of restart markers", restarts(9_000_000)
    yield from _hostile_pngs(size, tiny)
    gif = encode(tiny, "GIF")
    yield "GIF that claims a screen", gif[:6] + struct.pack("<HH", *size) + gif[10:]
    frame = gif.index(b",\0\0\0\0")
    yield "GIF that claims a frame", gif[: frame + 5] + struct.pack("<HH", *size) + gif[frame + 9 :]
    yield "GIF with a far frame", gif[: frame + 1] + struct.pack("<HH", size[0], size[1]) + gif[frame + 5 :]
    yield "BMP that claims", bmp(size, 24, 0, b"1234", skipped=0)
    yield "BMP of no runs", bmp(size, 8, 1, bytes(1024) + b"\0\1", skipped=1024)
    yield from _hostile_webps(size, tiny)
    avif = encode(tiny, "AVIF")
    at = avif.index(b"ispe") + 8
    yield "AVIF that claims", avif[:at] + struct.pack(">II", *size) + avif[at + 8 :]
    yield "AVIF that hides", hidden(size, (16, 16))
    yield "AVIF with subsampling that hides", hidden(size, (16, 16), subsampling="4:4:4")
    one = payload(hidden((size[0] // 2, size[1] // 2), (16, 16)))
    start = 4 + one[3]
    several = one + one[start:] * 4
    yield "AVIF of several frames", pack_avif({1: (b"av01", several, properties(encode(tiny, "AVIF")))})
    yield from _hostile_tiffs(size)
    yield from _shared_parts()


def restarts(number: int) -> bytes:
    """A JPEG whose scan is interrupted after each block, and goes on with more such marks."""
    whole = encode(Image.new("L", (64, 64)), "JPEG", restart_marker_blocks=1)
    marks = b"".join(b"\xff" + bytes((0xD0 | index,)) for index in (7, 0, 1, 2, 3, 4, 5, 6))
    return whole[:-2] + marks * (number // 8) + whole[-2:]


def _hostile_pngs(size: Size, tiny: Image.Image) -> Files:
    for interlaced in (0, 1):
        for kind, bits in ((2, 8), (6, 16), (0, 16), (3, 1)):
            header = b"IHDR" + struct.pack(">IIBBBBB", *size, bits, kind, 0, 0, interlaced)
            body = b"IDAT" + zlib.compress(bytes(1000))
            parts = [
                struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in (header, body)
            ]
            yield f"PNG that claims {kind} {bits} {interlaced}", b"\x89PNG\r\n\x1a\n" + b"".join(parts)
    for name, prefix in ((b"zTXt", b"\0\0"), (b"iTXt", b"\0\1\0\0\0")):
        text = name + b"Raw profile type exif"[: 79 if name == b"zTXt" else None] + prefix
        if name == b"iTXt":
            text = name + b"XML:com.adobe.xmp" + prefix
        text += zlib.compress(bytes(50_000_000), 9)
        chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
        whole = encode(tiny, "PNG")
        yield f"PNG of {name.decode()}", whole[:33] + chunk * 100 + whole[33:]


def _hostile_webps(size: Size, tiny: Image.Image) -> Files:
    lossy, lossless = encode(tiny, "WEBP"), encode(tiny, "WEBP", lossless=True)
    bounded = tuple(min(side, 16_383) for side in size)
    at = lossy.index(b"\x9d\x01\x2a") + 3
    yield "WebP that claims", lossy[:at] + struct.pack("<HH", *bounded) + lossy[at + 4 :]
    bits = bounded[0] - 1 | (bounded[1] - 1) << 14
    yield "lossless WebP that claims", lossless[:21] + struct.pack("<I", bits) + lossless[25:]
    for groups in (64, 4_096, 65_536):
        yield f"WebP of {groups} codes", many_codes(1024, groups)


def _shared_parts() -> Files:
    """Parts that take gigabytes if each is read for itself."""
    yield "TIFF of a fax in shared strips", fax()
    yield "AVIF of shared tiles", large_tiles()
    yield "AVIF of empty properties", FILES["properties of an AVIF"]()


def _hostile_tiffs(size: Size) -> Files:
    grey = np.zeros((16, 16, 1), np.uint8)
    claims: tuple[tuple[str, dict[int, int | Values]], ...] = (
        ("a size", {256: size[0], 257: size[1]}),
        ("rows", {278: 2**31}),
        ("samples", {256: size[0] // 4, 257: size[1] // 4, 277: 16, 258: (8,) * 16}),
        ("a row", {256: size[0] * size[1], 257: 1}),
    )
    for name, tags in claims:
        yield f"TIFF that claims {name}", pack_tiff(grey, 8, 1, deflate=True, tags=tags)
    square = 4_000
    block = zlib.compress(bytes(square * square), 9)
    fields: dict[int, Values] = {
        256: (16,),
        257: (16,),
        258: (8,),
        259: (8,),
        262: (1,),
        322: (square,),
        323: (square,),
    }
    yield "TIFF that hides a tile", write_directory(fields, [block], tiled=True)
    fields |= {322: (26_000,), 323: (27_504,)}
    yield "TIFF that hides a large tile", write_directory(fields, [block], tiled=True)
    strips = 150_000
    many: dict[int, Values] = {256: (8,), 257: (strips,), 258: (8,), 259: (8,), 262: (1,), 278: (1,)}
    body = write_directory(many | {273: (8,) * strips, 279: (10,) * strips}, [zlib.compress(bytes(8))])
    yield "TIFF of many strips", body
    raw = lzma.compress(b"\0" * 256, format=lzma.FORMAT_XZ, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 2**30}])
    yield (
        "TIFF with a large dictionary",
        write_directory({256: (16,), 257: (16,), 258: (8,), 259: (34925,), 262: (1,), 278: (16,)}, [raw]),
    )
    planes: dict[int, Values] = {
        256: (16,),
        257: (16,),
        258: (8,) * 16,
        259: (8,),
        262: (1,),
        277: (16,),
        278: (16,),
        284: (2,),
    }
    filled = write_directory(planes, [zlib.compress(bytes(256))] * 16)
    yield "TIFF of planes in a large file", filled + bytes(15_000_000)
    bounded = (min(size[0], 16_000), min(size[1], 16_000))
    progressive = encode(Image.new("RGB", bounded), "JPEG", progressive=True, quality=1)
    fields = {256: (16,), 257: (16,), 258: (8,) * 3, 259: (7,), 262: (6,), 277: (3,), 278: (16,)}
    yield "TIFF that hides a JPEG", write_directory(fields, [progressive])
    file = BytesIO()
    Image.new("RGB", bounded).save(file, "WEBP", lossless=True, method=0)
    yield (
        "TIFF that hides codes of a WebP",
        write_directory(
            fields | {256: (1024,), 257: (1024,), 259: (50001,), 262: (2,), 278: (1024,)}, [many_codes(1024, 65_536)]
        ),
    )
    yield "TIFF that hides a WebP", write_directory(fields | {259: (50001,), 262: (2,)}, [file.getvalue()])
