"""Arbitrary and malicious files are decoded or rejected quickly, without internal errors."""

import random
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from serve_app.errors import CorruptImage, ImageTooComplex, RaylensError, UnsupportedImage
from serve_app.images import png_structure
from serve_app.images.decoding import decode, inspect
from serve_app.images.formats import ALLOWED, ImageFormat
from serve_app.images.jpeg_structure import JpegStructure
from serve_app.images.limits import MAX_IMAGE_BYTES
from serve_app.images.sample import sample
from tests.images.hostile_pictures import restarts
from tests.images.pictures import encode, photo, square
from tests.images.test_avif import pack_avif, payload, properties
from tests.images.tiffs import Values, deepened, pack_tiff, write_directory

HEADS = [sample(file_format)[:length] for file_format in ALLOWED for length in (8, 16, 32)]

WHOLE: list[bytes] = [sample(file_format) for file_format in ALLOWED] + [
    encode(photo(24, 24), "JPEG", progressive=True),
    encode(
        photo(24, 24).convert("CMYK"), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
    ),
    encode(photo(24, 24).convert("P"), "PNG", transparency=3),
    encode(photo(24, 24).convert("RGBA"), "WEBP", lossless=True),
    encode(photo(24, 24), "TIFF", compression="tiff_lzw"),
    encode(photo(24, 24), "TIFF", compression="jpeg"),
    encode(photo(24, 24).convert("I;16"), "TIFF", compression="tiff_adobe_deflate"),
    encode(photo(24, 24).convert("P"), "BMP"),
    encode(photo(24, 24), "JPEG", progressive=True, restart_marker_blocks=2),
    encode(photo(24, 24).convert("1"), "TIFF", compression="group4"),
    encode(photo(24, 24).convert("RGBA"), "WEBP", save_all=True, append_images=[photo(24, 24, seed=1)]),
    pack_tiff(deepened(np.asarray(photo(24, 24)), 12), 12, 2, planar=True, tile=(16, 16)),
    pack_tiff(deepened(np.asarray(photo(24, 24)), 32, "f"), 32, 2, order=">", big=True, deflate=True, predictor=3),
    encode(photo(24, 24), "GIF", save_all=True, append_images=[photo(24, 24, seed=1)]),
]


def check(data: bytes) -> None:
    """Decode; the result must be valid or an error of the client."""
    for reading in (inspect, lambda data: decode(data, square(8, 0.875))):
        status = 200
        try:
            reading(data)
        except RaylensError as error:
            status = error.status
        assert status == 200 or 400 <= status < 500


@given(st.binary(max_size=400))
@example(b"BM")
@example(b"GIF89a")
@example(b"\xff\xd8\xff")
@example(b"RIFF\0\0\0\0WEBP")
def test_random_bytes_raise_only_known_errors(data: bytes):
    check(data)


@given(st.sampled_from(HEADS), st.binary(max_size=400))
def test_random_bytes_after_a_valid_header_raise_only_known_errors(head: bytes, rest: bytes):
    check(head + rest)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(WHOLE), st.data())
def test_mutated_files_raise_only_known_errors(whole: bytes, data: st.DataObject):
    mutated = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    check(bytes(mutated)[: data.draw(st.integers(1, len(mutated)))])


@given(st.binary(max_size=120))
def test_random_exif_raises_only_known_errors(exif: bytes):
    check(encode(Image.new("RGB", (4, 4)), "JPEG", exif=b"Exif\0\0" + exif))


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(20))
def test_long_fuzzing(seed: int):
    chance = random.Random(seed)
    interesting = [b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"]
    for _ in range(1500):
        mutated = bytearray(chance.choice(WHOLE))
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(min(len(mutated), 200) if chance.random() < 0.7 else len(mutated))
            piece = chance.choice([*interesting, chance.randbytes(chance.randint(1, 4)), bytes(mutated[:at][-8:])])
            end = at + (len(piece) if chance.random() < 0.8 else 0)
            mutated[at:end] = piece
        check(bytes(mutated))


ROOM = MAX_IMAGE_BYTES - 2_000


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def fill(piece: bytes) -> bytes:
    return piece * (ROOM // len(piece))


def behind(file_format: ImageFormat, offset: int, filling: bytes) -> bytes:
    whole = sample(file_format)
    return whole[:offset] + filling + whole[offset:]


def tiff(*tags: tuple[int, int, int, int], size: int = 0) -> bytes:
    directory = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + directory + bytes(4 + size)


def rational_exif(count: int, tag: int = 0x0112) -> bytes:
    head = b"MM\0*\0\0\0\x08\0\2" + struct.pack(">HHII", tag, 5, count, 38) + struct.pack(">HHII", 0x128, 3, 1, 2 << 16)
    return head + bytes(4) + b"\0\0\0\1" * (2 * count)


def segments(exif: bytes) -> bytes:
    parts = [b"Exif\0\0" + exif[at : at + 65_000] for at in range(0, len(exif), 65_000)]
    return b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in parts)


def repeated_scans() -> bytes:
    whole = encode(Image.new("L", (4000, 4000), 128), "JPEG", progressive=True)
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * 2000 + whole[-2:]


def exif_in_avif() -> bytes:
    whole = encode(Image.new("RGB", (64, 64)), "AVIF", exif=rational_exif(2_000_000, 0x011A))
    at = whole.index(struct.pack(">HHI", 0x011A, 5, 2_000_000))
    return whole[:at] + b"\x01\x12" + whole[at + 2 :]


def units_in_avif() -> bytes:
    """Padding of the bitstream."""
    whole = sample("AVIF")
    return pack_avif({1: (b"av01", payload(whole) + fill(b"\x7a\0"), properties(whole))})


def jpegs_in_tiff() -> bytes:
    """The same one for each strip."""
    block, strips = encode(Image.new("L", (8, 8)), "JPEG"), 150_000
    fields: dict[int, Values] = {256: (8,), 257: (8 * strips,), 258: (8,), 259: (7,), 262: (1,), 278: (8,)}
    return write_directory(fields | {273: (8,) * strips, 279: (len(block),) * strips}, [block])


PIECES: dict[str, Callable[[], bytes]] = {
    "JPEG scans": repeated_scans,
    "JPEG comments": lambda: behind("JPEG", 2, fill(b"\xff\xfe\0\2")),
    "JPEG padding": lambda: behind("JPEG", 2, fill(b"\xff")),
    "JPEG stuffing": lambda: behind("JPEG", 2, fill(b"\xff\0")),
    "JPEG EXIF segments": lambda: behind("JPEG", 2, fill(b"\xff\xe1\0\x0eExif\0\0MM\0*\0\0")),
    "JPEG EXIF values": lambda: behind("JPEG", 2, segments(rational_exif(2_000_000, 0x011A))),
    "PNG chunks": lambda: behind("PNG", 33, fill(chunk(b"aaAa"))),
    "PNG data": lambda: behind("PNG", 33, fill(chunk(b"IDAT"))),
    "PNG late chunks": lambda: behind("PNG", len(sample("PNG")) - 12, fill(chunk(b"aaAa"))),
    "GIF comment": lambda: b"GIF89a\x40\0\x30\0\0\0\0!\xfe" + fill(b"\1a") + b"\0",
    "GIF junk": lambda: b"GIF89a\x40\0\x30\0\0\0\0" + fill(b"\1"),
    "TIFF tiles": lambda: tiff(
        (256, 4, 1, 8000),
        (257, 4, 1, 8000),
        (258, 3, 1, 8),
        (262, 3, 1, 1),
        (322, 4, 1, 1),
        (323, 4, 1, 1),
        (324, 3, 10_000_000, 100),
        size=20_000_200,
    ),
    "TIFF entries": lambda: (
        b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1_000_000) + fill(struct.pack("<HHQQ", 40001, 4, 1, 5))
    ),
    "TIFF pictures": jpegs_in_tiff,
    "WebP chunks": lambda: behind("WEBP", 12, fill(b"aaAa\0\0\0\0")),
    "AVIF EXIF values": exif_in_avif,
    "AVIF boxes": lambda: behind("AVIF", sample("AVIF")[3], fill(b"\0\0\0\x08aaAa")),
    "AVIF units": units_in_avif,
}


SKIPPED = ("JPEG padding", "JPEG stuffing", "JPEG EXIF values", "AVIF EXIF values")
"""Files whose picture is decoded, because what is wrong with them never reaches Pillow."""


@pytest.mark.parametrize("kind", PIECES)
def test_files_of_many_segments_cost_little(kind: str):
    """Each of these keeps an unguarded Pillow busy for 2 s to several minutes, most with the interpreter lock held."""
    data = PIECES[kind]()
    assert len(data) <= MAX_IMAGE_BYTES
    started = time.process_time()
    with nullcontext() if kind in SKIPPED else pytest.raises((CorruptImage, ImageTooComplex, UnsupportedImage)):
        decode(data, square())
    assert time.process_time() - started < 1


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_oversized_exif_is_not_read(file_format: str):
    data = encode(Image.new("RGB", (8, 8)), file_format, exif=rational_exif(2_000_000))
    started = time.process_time()
    assert decode(data, square())[0].width == 8
    assert time.process_time() - started < 1


def test_metadata_of_cameras_is_accepted():
    """A colour profile in 255 segments, extended XMP in 200, and scan marker bytes in the metadata."""
    profile = b"".join(b"\xff\xe2\0\x14ICC_PROFILE\0" + bytes([n, 255]) + b"\xff\xda\0\0" for n in range(1, 256))
    extended = (b"\xff\xe1" + struct.pack(">H", 60_002) + b"http://ns.adobe.com/xmp/extension/\0".ljust(60_000)) * 200
    progressive = encode(photo(), "JPEG", progressive=True)
    data = progressive[:2] + profile + extended + progressive[2:] + b"\xff\xda" * 200
    assert decode(data, square())[0].width == 96


def test_a_png_in_chunks_of_four_kibibytes_is_accepted():
    whole = encode(Image.effect_noise((1500, 1500), 80).convert("RGB"), "PNG", compress_level=0)
    at = whole.index(b"IDAT") - 4
    body, rest = b"", at
    while whole[rest + 4 : rest + 8] == b"IDAT":
        length = int.from_bytes(whole[rest : rest + 4], "big")
        body += whole[rest + 8 : rest + 8 + length]
        rest += length + 12
    small = b"".join(chunk(b"IDAT", body[n : n + 4096]) for n in range(0, len(body), 4096))
    assert decode(whole[:at] + small + whole[rest:], square())[0].width == 1500


def test_blocks_of_several_comments_of_a_gif_share_one_limit():
    whole = sample("GIF")
    comments = b"".join(b"!\xfe" + b"\1a" * 30_000 + b"\0" for _ in range(4))
    end = 13 + (3 << (whole[10] & 7) + 1)
    with pytest.raises(CorruptImage, match="blocks before its pixels"):
        decode(whole[:end] + comments + whole[end:], square())


@pytest.mark.parametrize("text", [b"zTXtRaw profile type exif\0\0", b"iTXtXML:com.adobe.xmp\0\1\0\0\0"])
def test_few_texts_of_a_png_are_decompressed(text: bytes, monkeypatch: pytest.MonkeyPatch):
    """20,000 of 1 MiB each would take a minute."""
    sizes, inflater = [], zlib.decompressobj

    class Counted:
        def decompress(self, data: bytes, limit: int) -> bytes:
            sizes.append(limit)
            return inflater().decompress(data, limit)

    data = behind("PNG", 33, chunk(text[:4], text[4:] + zlib.compress(bytes(10_000))) * 1_000)
    monkeypatch.setattr(zlib, "decompressobj", Counted)
    png_structure.PngStructure(data)
    assert 0 < len(sizes) <= png_structure.MAX_TEXTS
    assert max(sizes) <= png_structure.MAX_TEXT


def test_restart_markers_are_counted_and_not_listed():
    structure = JpegStructure(restarts(1_000_000))
    assert [len(list(scan)) for scan in structure.scans()] == [1]
    assert [len(list(scan)) for scan in JpegStructure(restarts(0)).scans()] == [64]


def test_tags_of_exif_do_not_share_their_values_in_memory():
    """Each tag claims all bytes of the file."""
    tags = [(0x0112, 3, 1, 6), *((tag, 7, 60_000, 0) for tag in range(0x8000, 0x8000 + 5_000))]
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    info, _ = decode(encode(Image.new("RGB", (4, 8)), "JPEG", exif=b"Exif\0\0" + exif), square())
    assert (info.width, info.height) == (8, 4)
