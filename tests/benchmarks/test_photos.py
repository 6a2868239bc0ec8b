"""The photos that are sent: different ones, all alike, the same each time."""

import io

import pytest
from PIL import Image

from benchmarks.photos import BYTES, HEIGHT, TOLERANCE, WIDTH, NotEnoughPhotos, photos


@pytest.fixture(scope="module")
def taken() -> list[bytes]:
    return photos(64)


def test_photos_are_different_and_alike_in_pixels_and_bytes(taken: list[bytes]):
    assert len(set(taken)) == 64
    for photo in taken:
        assert Image.open(io.BytesIO(photo)).size == (WIDTH, HEIGHT)
        assert abs(len(photo) - BYTES) <= TOLERANCE * BYTES
    assert abs(sum(map(len, taken)) / 64 - BYTES) < 0.03 * BYTES


def test_photos_are_the_same_each_time(taken: list[bytes]):
    assert photos(4) == taken[:4]


def test_more_photos_than_there_are():
    with pytest.raises(NotEnoughPhotos, match="5000 photos are wanted"):
        photos(5000)
