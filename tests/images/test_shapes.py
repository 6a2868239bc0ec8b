"""Pictures for models that take other than square RGB images."""

import numpy as np
import pytest
from PIL import ExifTags, Image

from models.spec import Transform
from serve_app.images.decoding import decode
from tests.images.pictures import CORNERS, colours_of, corners, encode, photo

WIDE = Transform(height=16, width=32, crop=1.0)


def reference(picture: Image.Image, transform: Transform) -> np.ndarray:
    """The largest centered part with the aspect ratio of the input, cut at whole pixels, then resized."""
    aspect = transform.width / transform.height
    width, height = min(picture.width, picture.height * aspect), min(picture.height, picture.width / aspect)
    width, height = transform.crop * width, transform.crop * height
    left, top = (picture.width - width) / 2, (picture.height - height) / 2
    box = (round(left), round(top), round(left + width), round(top + height))
    return np.asarray(picture.crop(box).resize((transform.width, transform.height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size", [(64, 64), (320, 64), (64, 320), (2000, 1200)])
@pytest.mark.parametrize("transform", [WIDE, Transform(32, 16, 1.0), Transform(32, 16, 0.5)])
@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_the_crop_has_the_aspect_ratio_of_the_input(
    size: tuple[int, int], transform: Transform, file_format: str
) -> None:
    picture = photo(*size)
    pixels = decode(encode(picture, file_format, **({"quality": 95} if file_format == "JPEG" else {})), transform)[1]
    assert pixels.shape == transform.shape
    assert np.abs(pixels.astype(int) - reference(picture, transform)).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_before_the_shape(orientation: int) -> None:
    upright = Image.new("RGB", (128, 64))
    upright.paste(corners(128, 64))
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    picture = upright.transpose(stored[orientation]) if orientation in stored else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = decode(encode(picture, "PNG", exif=exif), WIDE)[1]
    assert pixels.shape == (16, 32, 3)
    quarters = [tuple(pixels[y, x].tolist()) for y in (4, 12) for x in (8, 24)]
    assert quarters == list(CORNERS)


def test_stretching_keeps_the_whole_picture() -> None:
    picture = corners(400, 100)
    assert colours_of(decode(encode(picture, "PNG"), Transform(16, 16, 1.0, stretch=True))[1]) == list(CORNERS)
    border = Image.new("RGB", (400, 100), "black")
    border.paste(picture.resize((100, 100)), (150, 0))
    assert colours_of(decode(encode(border, "PNG"), Transform(16, 16, 1.0))[1]) == list(CORNERS)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_grey_has_one_channel(mode: str) -> None:
    picture = Image.new("RGB", (20, 20), (255, 0, 0)).convert(mode)
    pixels = decode(encode(picture, "PNG"), Transform(8, 8, 1.0, channels=1))[1]
    assert pixels.shape == (8, 8, 1)
    assert set(np.unique(pixels).tolist()) == {76}
