"""Test photos: distinct, of uniform size, deterministic."""

import io

import pytest
from PIL import Image

from benchmarks.photos import BYTES, HEIGHT, SOURCES, TOLERANCE, WIDTH, NotEnoughPhotos, photos


@pytest.fixture(scope="module")
def taken() -> list[bytes]:
    return photos(64)


def test_photos_are_distinct_and_of_uniform_size(taken: list[bytes]):
    assert len(set(taken)) == 64
    for photo in taken:
        assert Image.open(io.BytesIO(photo)).size == (WIDTH, HEIGHT)
        assert abs(len(photo) - BYTES) <= TOLERANCE * BYTES
    assert abs(sum(map(len, taken)) / 64 - BYTES) < 0.03 * BYTES


def test_photos_are_deterministic(taken: list[bytes]):
    assert photos(4) == taken[:4]


def test_requesting_too_many_photos_fails(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(SOURCES, "foolbox", ("imagenet_00_*.jpg",))
    monkeypatch.delitem(SOURCES, "skimage")
    with pytest.raises(NotEnoughPhotos, match=r"50 photos were requested, but only \d are available"):
        photos(50)
