"""What an image claims to take in memory is an upper bound: measured, for honest files and for hostile ones."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from serve_app.images.limits import MAX_DECODED_BYTES, MAX_IMAGE_BYTES
from tests.images import heavy_pictures, hostile_pictures
from tests.images.decode_memory import Decoded, measure

ROOM = 32 * 2**20
"""Memory besides copies of the file until an image is rejected by its header."""


def decoded(files: Iterable[tuple[str, bytes]], folder: Path) -> dict[str, Decoded]:
    names, paths = [], []
    for number, (name, data) in enumerate(files):
        if len(data) <= MAX_IMAGE_BYTES:
            names.append(name)
            paths.append(folder / f"{number}")
            paths[-1].write_bytes(data)
    results = dict(zip(names, measure(paths), strict=True))
    wrong = {
        name: each
        for (name, each), path in zip(results.items(), paths, strict=True)
        if each.grown > (each.claimed or ROOM + 4 * path.stat().st_size) or each.claimed > MAX_DECODED_BYTES + ROOM
    }
    assert wrong == {}
    return results


def test_claims_of_honest_files_are_upper_bounds(tmp_path: Path):
    results = decoded(heavy_pictures.honest((1500, 1000)), tmp_path)
    assert len(results) > 80
    assert {each.error for each in results.values()} == {""}


def test_claims_of_hostile_files_are_upper_bounds(tmp_path: Path):
    results = decoded(hostile_pictures.hostile((3000, 2000)), tmp_path)
    assert len(results) > 35


@pytest.mark.chaos
@pytest.mark.parametrize("size", [(2400, 1800), (400, 8_000)])
def test_claims_of_large_honest_files_are_upper_bounds(size: tuple[int, int], tmp_path: Path):
    results = decoded(heavy_pictures.honest(size), tmp_path)
    assert {each.error for each in results.values()} == {""}


@pytest.mark.chaos
@pytest.mark.parametrize("size", [(8000, 8000), (976, 65_535)])
def test_claims_of_large_hostile_files_are_upper_bounds(size: tuple[int, int], tmp_path: Path):
    decoded(hostile_pictures.hostile(size), tmp_path)


@pytest.mark.chaos
def test_claims_of_mutated_files_are_upper_bounds(tmp_path: Path):
    """Of numbers in headers, most of all."""
    chance, files = random.Random(0), list(heavy_pictures.honest((64, 48)))
    numbers = (b"\xff\xff", b"\x1f\x40", b"\x40\x1f", b"\0\x80")

    def mutated() -> Iterator[tuple[str, bytes]]:
        for number in range(1_000):
            name, whole = chance.choice(files)
            data = bytearray(whole)
            for _ in range(chance.randint(1, 3)):
                at = chance.randrange(min(len(data), 300))
                data[at : at + 2] = chance.choice((*numbers, chance.randbytes(2)))
            yield f"{number}, {name}", bytes(data)

    results = decoded(mutated(), tmp_path)
    assert {"", "corrupt_image", "too_many_pixels", "unsupported_image"} <= {each.error for each in results.values()}
