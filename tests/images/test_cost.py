"""The estimated cost: from headers alone, ordinary photos are cheap and what takes long is expensive."""

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from serve_app.config import QueueArguments
from serve_app.images.boxes import write_box
from serve_app.images.cost import UNKNOWN, cost_of
from serve_app.images.decoding import open_image
from serve_app.images.formats import ALLOWED, ImageFormat
from serve_app.images.sample import sample
from tests.images.pictures import encode, photo, square
from tests.images.test_avif import extents, sequence
from tests.images.test_shared_parts import small_picture, tiff_tiles

EXPENSIVE = QueueArguments().expensive_cost


def resized(data: bytes, side: int) -> bytes:
    """A file of 16 × 16 pixels with another size in its header."""
    for order in "<>":
        for form in ("HH", "II"):
            data = data.replace(struct.pack(order + form, 16, 16), struct.pack(order + form, side, side), 1)
    return data


def jpeg(side: int, size: int = 0, **options: object) -> bytes:
    data = encode(Image.new("RGB", (16, 16)), "JPEG", **options)
    return resized(data, side)[:-2] + bytes(size) + data[-2:]


@pytest.mark.parametrize("file_format", ALLOWED)
def test_small_images_of_all_formats_cost_about_one(file_format: ImageFormat) -> None:
    assert 1 <= cost_of(sample(file_format)) < 2


def test_photos_of_phones_are_ordinary() -> None:
    assert 3 < cost_of(jpeg(3500, 4 << 20)) < EXPENSIVE
    assert cost_of(jpeg(1900, 1 << 20, progressive=True)) < EXPENSIVE


def test_each_scan_of_a_large_picture_costs() -> None:
    ten = jpeg(8000, progressive=True)
    scan = ten[ten.rindex(b"\xff\xda") : -2]
    assert EXPENSIVE < cost_of(ten) < cost_of(ten[:-2] + scan * 8 + ten[-2:]) < 2 * cost_of(ten)
    assert cost_of(jpeg(8000)) < EXPENSIVE, "a baseline JPEG, which is decoded at an eighth of its size"


def test_a_baseline_jpeg_with_several_scans_costs_as_much_as_a_progressive_one() -> None:
    baseline = jpeg(8000)
    at = baseline.index(b"\xff\xda")
    assert cost_of(baseline[: at + 4] + b"\1" + baseline[at + 5 :]) > cost_of(baseline) + 3


@pytest.mark.parametrize("file_format", [each for each in ALLOWED if each not in {"JPEG", "WEBP", "TIFF"}])
def test_large_pictures_of_few_bytes_are_expensive(file_format: ImageFormat) -> None:
    assert cost_of(resized(encode(Image.new("RGB", (16, 16)), file_format), 8000)) > EXPENSIVE


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
def test_large_webps_are_expensive(options: dict[str, object]) -> None:
    assert cost_of(encode(Image.new("RGB", (3000, 3000)), "WEBP", method=0, **options)) > EXPENSIVE


def test_large_tiffs_are_expensive() -> None:
    assert cost_of(encode(Image.new("L", (4000, 4000)), "TIFF", compression="tiff_adobe_deflate")) > EXPENSIVE


def test_runs_of_a_bmp_are_expensive() -> None:
    """They are decoded in Python, which keeps other threads from running."""
    whole = encode(photo().convert("P"), "BMP")
    assert cost_of(whole[:30] + struct.pack("<I", 1) + whole[34:] + bytes(1 << 20)) > EXPENSIVE


def test_an_interlaced_png_costs_more() -> None:
    whole = encode(photo(), "PNG")
    assert cost_of(whole[:28] + b"\1" + whole[29:]) > cost_of(whole)


def test_many_pictures_in_a_tiff_are_expensive() -> None:
    few = encode(Image.new("RGB", (1600, 1600)), "TIFF", compression="jpeg")
    assert cost_of(few) < EXPENSIVE < cost_of(tiff_tiles(7, small_picture("JPEG")))


def hidden_size(file_format: ImageFormat) -> bytes:
    """A large picture in a file where a careless reader finds a small one."""
    small, large = Image.new("RGB", (16, 16)), Image.new("RGB", (4000, 4000))
    match file_format:
        case "GIF":
            whole, frame = encode(large, "GIF"), encode(small, "GIF")
            end, start = whole.index(b",\0\0\0\0"), frame.index(b",\0\0\0\0")
            head = whole[:6] + frame[6:10] + whole[10:end]
            # A byte of junk, which is no length of a block.
            return head + bytes((10,)) + whole[end : end + 10] + frame[start:] + whole[end + 10 :]
        case "WEBP":
            canvas = struct.pack("<I", 3999)[:3] * 2
            frame = encode(large, "WEBP")[12:]
            animated = bytes(6) + canvas + bytes(4) + frame
            chunks = encode(small, "WEBP")[12:] + b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + canvas
            chunks += b"ANMF" + struct.pack("<I", len(animated)) + animated
            return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks
        case "AVIF":
            whole, filling = encode(large, "AVIF", speed=10), bytes(100_000)
            at = whole.index(b"ispe") - 4
            return behind_boxes(whole, at, extents((16, 16)) + write_box(b"free", filling))
        case _:
            second = encode(large, "TIFF", compression="tiff_adobe_deflate")
            (start,) = struct.unpack_from("<I", second, 4)
            (count,) = struct.unpack_from("<H", second, start)
            entries = second[start + 2 : start + 2 + 12 * count]
            entries += struct.pack("<HHII", 256, 4, 1, 16) + struct.pack("<HHII", 257, 4, 1, 16)
            directory = struct.pack("<H", count + 2) + entries + bytes(4)
            return second[:4] + struct.pack("<I", len(second)) + second[8:] + directory


def behind_boxes(whole: bytes, at: int, further: bytes) -> bytes:
    """The file with further properties in front of those at ``at``, whose indices grow with them."""
    data = bytearray(whole)
    for name in (b"meta", b"iprp", b"ipco"):
        start = whole.index(name) - 4
        data[start : start + 4] = (int.from_bytes(whole[start : start + 4], "big") + len(further)).to_bytes(4, "big")
    ipma = whole.index(b"ipma") + 4
    first = ipma + 4 + 4 + 2
    for index in range(first + 1, first + 1 + data[first]):
        data[index] += 2
    iloc = whole.index(b"iloc") + 4
    offset = iloc + 4 + 2 + 2 + 2 + 2 + 2
    data[offset : offset + 4] = (int.from_bytes(whole[offset : offset + 4], "big") + len(further)).to_bytes(4, "big")
    return bytes(data[:at]) + further + bytes(data[at:])


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "AVIF", "TIFF"])
def test_the_cost_is_that_of_the_picture_that_is_decoded(file_format: ImageFormat) -> None:
    data = hidden_size(file_format)
    width = open_image(data, square()).info.width
    assert width == 4000 or file_format == "WEBP"
    assert cost_of(data) > EXPENSIVE or width == 16


def test_the_size_of_a_track_counts() -> None:
    whole, size = sequence(), struct.pack(">HHHH", 96, 0, 64, 0)
    assert cost_of(whole) < 2
    assert cost_of(whole.replace(size, struct.pack(">HHHH", 4000, 0, 4000, 0))) > EXPENSIVE


def test_the_estimate_is_quick() -> None:
    """It is made on the event loop."""
    data, times = sample("AVIF") + b"i" * 2_000_000, []
    for _ in range(5):
        started = time.process_time()
        cost_of(data)
        times.append(time.process_time() - started)
    assert min(times) < 0.02


def test_headers_that_are_not_understood_are_expensive() -> None:
    assert cost_of(b"\xff\xd8\xff") == UNKNOWN
    assert cost_of(b"\xff\xd8" + b"\xff\xe1\0\2" * 10_000 + sample("JPEG")[2:]) > UNKNOWN
    assert cost_of(b"RIFF\0\0\0\0WEBPJUNK") > UNKNOWN
    assert cost_of(b"text") == 1


@given(st.sampled_from([sample(file_format) for file_format in ALLOWED]), st.data())
def test_any_bytes_have_a_cost(whole: bytes, data: st.DataObject) -> None:
    mutated = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, min(len(mutated), 200) - 1))] = data.draw(st.integers(0, 255))
    assert 1 <= cost_of(bytes(mutated)[: data.draw(st.integers(1, len(mutated)))]) < 1000
