"""Files that take much memory to decode: honest ones of every kind, and those whose headers claim or hide something."""

import lzma
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from tests.images.pictures import encode
from tests.images.test_avif import extents, hidden, pack_avif, payload, properties
from tests.images.test_shared_parts import FILES, fax, large_tiles
from tests.images.tiffs import Values, deepened, pack_tiff, write_directory
from tests.images.webps import many_codes

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
