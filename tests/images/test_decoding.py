import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from models.spec import Transform
from serve_app.errors import CorruptImage, ImageMissing, ImageTooLarge, TooManyPixels, UnsupportedImage
from serve_app.images import decoding, jpeg
from serve_app.images.decoding import decode, inspect, open_image
from serve_app.images.formats import ALLOWED
from serve_app.images.limits import MAX_IMAGE_BYTES
from serve_app.images.sample import sample
from serve_app.types import ImageInfo
from tests.images.pictures import encode, photo, square


def reference(picture: Image.Image, transform: Transform) -> np.ndarray:
    """The pipeline that the models were evaluated with: crop at whole pixels, then resize."""
    side = round(transform.crop * min(picture.size))
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((transform.width, transform.height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("file_format", ALLOWED)
def test_every_allowed_format_is_decoded(file_format):
    picture = photo()
    info, pixels = decode(encode(picture, file_format), square(32, 0.75))
    assert info == ImageInfo(file_format, 96, 64)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    # The filter of the resize also uses pixels outside of the crop, so even lossless formats differ at the edges.
    allowance = {"GIF": 12, "JPEG": 4, "WEBP": 6, "AVIF": 6}.get(file_format, 0.5)
    assert np.abs(pixels.astype(int) - reference(picture, square(32, 0.75))).mean() <= allowance


@pytest.mark.parametrize("file_format", ALLOWED)
def test_inspect_returns_the_same_without_decoding(file_format, monkeypatch: pytest.MonkeyPatch):
    data = sample(file_format)
    expected = decode(data, square())[0]
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    assert inspect(data) == expected


@pytest.mark.parametrize("size", [(640, 480), (1500, 1000), (1001, 3003), (224, 224), (100, 80)])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_fast_decoding_changes_pixels_little(size: tuple[int, int], file_format: str):
    """Scaled JPEG decoding and averaging before the resize differ from the reference by less than one level."""
    transform = square(64, 0.875)
    data = encode(photo(*size), file_format, **({"quality": 95} if file_format == "JPEG" else {}))
    straight = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    expected = reference(Image.fromarray(straight), transform).astype(int)
    difference = np.abs(decode(data, transform)[1].astype(int) - expected)
    assert difference.mean() < 1
    assert difference.max() < 12


def test_the_crop_is_centred():
    picture = Image.new("RGB", (300, 100), "blue")
    picture.paste("red", (100, 0, 200, 100))
    pixels = decode(encode(picture, "PNG"), square(20, 0.9))[1]
    np.testing.assert_array_equal(pixels, np.full((20, 20, 3), (255, 0, 0)))


@pytest.mark.parametrize("file_format", ALLOWED)
def test_pictures_with_a_side_of_one_pixel_are_decoded(file_format):
    for size in ((1, 1), (1, 500), (500, 1), (2, 3)):
        info, pixels = decode(encode(Image.new("RGB", size, (200, 100, 50)), file_format), square(16, 0.875))
        assert (info.width, info.height) == size
        np.testing.assert_allclose(pixels, np.broadcast_to((200, 100, 50), (16, 16, 3)), atol=8)


def test_an_empty_file_is_rejected():
    with pytest.raises(ImageMissing):
        decode(b"", square())


@pytest.mark.parametrize(
    "data", [b"hello", b"<svg/>", b"%PDF-1.7", b"\0" * 1000, b"P6 1 1 255 abc", b"\x00\x00\x01\x00"]
)
def test_other_formats_are_rejected(data: bytes):
    with pytest.raises(UnsupportedImage, match="Allowed are"):
        decode(data, square())


def test_too_many_bytes_are_rejected():
    data = sample("JPEG")
    assert decode(data.ljust(MAX_IMAGE_BYTES, b"\0"), square())[0].format == "JPEG"
    with pytest.raises(ImageTooLarge):
        decode(data.ljust(MAX_IMAGE_BYTES + 1, b"\0"), square())


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return start + struct.pack(">I", 1_000_000) + b"IDAT"


@pytest.mark.parametrize("size", [(8001, 8000), (10_000, 10_000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_in_the_header_are_rejected(size: tuple[int, int]):
    for reading in (inspect, lambda data: decode(data, square())):
        with pytest.raises(TooManyPixels, match="megapixels"):
            reading(png_header(*size))


def test_sixty_four_megapixels_are_allowed():
    assert inspect(png_header(8000, 8000)) == ImageInfo("PNG", 8000, 8000)


@pytest.mark.parametrize("file_format", ALLOWED)
def test_truncated_files_are_corrupt(file_format):
    whole = encode(photo(256, 256), file_format)
    for share in (0.02, 0.3, 0.6, 0.9):
        with pytest.raises(CorruptImage):
            decode(whole[: max(12, int(len(whole) * share))], square())


def test_decoding_takes_its_memory_from_the_budget(monkeypatch: pytest.MonkeyPatch):
    taken = []

    @contextmanager
    def share(size: int) -> Iterator[None]:
        taken.append(size)
        yield
        taken.append(-size)

    monkeypatch.setattr(decoding._BUDGET, "share", share)
    data = encode(photo(1000, 800), "PNG")
    decode(data, square())
    expected = open_image(data, square()).decoded_bytes
    assert taken == [expected, -expected]
    assert expected >= 4 * 1000 * 800


def test_libjpeg_gets_a_scan_in_one_piece(monkeypatch: pytest.MonkeyPatch):
    sizes = []
    feed = jpeg._feed

    def noted(decoder: jpeg.Decoder, data: bytes) -> tuple[bytes, bool]:
        sizes.append(len(data))
        return feed(decoder, data)

    monkeypatch.setattr(jpeg, "_feed", noted)
    monkeypatch.setattr(jpeg, "is_ordinary", lambda _: False)
    data = encode(Image.effect_noise((600, 600), 80), "JPEG", quality=95)
    assert len(data) > 200_000
    decode(data, square())
    assert max(sizes) == len(data) - 2
