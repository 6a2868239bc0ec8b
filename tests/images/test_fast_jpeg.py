"""TurboJPEG makes the pixels of Pillow, and files that are damaged have the same outcome with both."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from serve_app.errors import CorruptImage
from serve_app.images import jpeg
from serve_app.images.decoding import decode
from serve_app.images.fast_jpeg import decode_ordinary, is_ordinary, reduction_of
from serve_app.images.jpeg_structure import JpegStructure
from tests.images.pictures import encode, photo, square

KINDS: dict[str, bytes] = {
    **{
        f"{name} of {width} × {height}": encode(photo(width, height), "JPEG", quality=90, subsampling=name)
        for name in ("4:4:4", "4:2:2", "4:2:0")
        for width, height in ((200, 160), (1, 1), (1, 300), (300, 1), (5, 5), (17, 33), (1200, 900))
    },
    "grey": encode(photo(201, 161).convert("L"), "JPEG"),
    "grey of 5 × 7": encode(photo(5, 7).convert("L"), "JPEG"),
    "red, green and blue": encode(photo(201, 161), "JPEG", keep_rgb=True),
    "restarts": encode(photo(201, 161), "JPEG", restart_marker_blocks=5),
    "noise": encode(Image.effect_noise((300, 200), 80).convert("RGB"), "JPEG", quality=98),
}


def with_pillow(data: bytes, least: int) -> tuple[Image.Image, int]:
    return jpeg._unusual(JpegStructure(data), least).load()


@pytest.mark.parametrize("least", [10_000, 64, 32, 16, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_those_of_pillow(kind: str, least: int):
    structure = JpegStructure(KINDS[kind])
    assert is_ordinary(structure)
    found = decode_ordinary(structure, reduction_of(structure.size, least))
    image, reduction = with_pillow(KINDS[kind], least)
    if found is None:
        assert min(structure.size) < 8
        return
    assert (found.image.size, found.reduction) == (image.size, reduction)
    np.testing.assert_array_equal(np.asarray(found.image.convert(image.mode)), np.asarray(image))


def test_unusual_and_large_files_are_left_to_pillow(monkeypatch: pytest.MonkeyPatch):
    for picture, options in (
        (photo(), {"progressive": True}),
        (photo().convert("CMYK"), {}),
        (photo(2001, 2000), {}),
        (Image.effect_noise((1200, 1200), 90), {"quality": 99}),
    ):
        data = encode(picture, "JPEG", **options)
        assert not is_ordinary(JpegStructure(data))
        monkeypatch.setattr(jpeg, "decode_ordinary", lambda *_: pytest.fail("decoded"))
        assert decode(data, square())[0].format == "JPEG"


@pytest.mark.parametrize("kind", ["4:2:0 of 200 × 160", "grey", "restarts"])
def test_files_with_a_warning_are_decoded_by_pillow(kind: str):
    data = KINDS[kind]
    extra = data[:-2] + b"\0" * 100 + data[-2:]
    assert decode_ordinary(JpegStructure(extra), 1) is None
    np.testing.assert_array_equal(decode(extra, square())[1], decode(data, square())[1])
    cut = data[: len(data) * 3 // 4] + data[-2:]
    with pytest.raises(CorruptImage):
        decode(cut, square())


def test_another_size_than_expected_is_decoded_by_pillow(monkeypatch: pytest.MonkeyPatch):
    data = KINDS["grey"]
    expected = decode(data, square())[1]
    monkeypatch.setattr("simplejpeg.decode_jpeg", lambda *_, **__: np.zeros((1, 1, 1), np.uint8))
    np.testing.assert_array_equal(decode(data, square())[1], expected)


@pytest.mark.parametrize("count", [1500, pytest.param(30_000, marks=pytest.mark.chaos)])
def test_mutated_files_have_the_same_outcome(count: int):
    """In a process of its own, because a decoder might crash."""
    command = [sys.executable, "-m", "tests.images.jpeg_outcomes", str(count)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr[-2000:]
    different, decoded, rejected = map(int, done.stdout.split())
    assert different == 0
    assert min(decoded, rejected) > count // 20
