"""The preprocessing benchmark: views, variants and evaluation."""

import json
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmarks.preprocessing import report
from benchmarks.preprocessing.__main__ import app
from benchmarks.preprocessing.measuring import measure
from benchmarks.preprocessing.results import Preprocessing, Tally
from benchmarks.preprocessing.variants import REFERENCE, SERVICE, Area, Decode, Scaled, variants
from benchmarks.preprocessing.views import SIZES, Size, View, views
from benchmarks.results import Machine
from models.arrays import Float32Array, UInt8Array
from models.spec import Transform
from tests.images.pictures import encode, photo

ROOT = Path(__file__).parents[2]
SMALL = Size(96, 72)
TRANSFORM = Transform.square(32, crop=0.875)


def jpeg(width: int, height: int) -> bytes:
    return encode(photo(width, height), "JPEG", quality=95)


def test_views_are_distinct_of_one_size_and_deterministic():
    taken = list(views(SMALL, 1000))
    assert len(taken) >= 300
    assert len({view.data for view in taken}) == len(taken)
    assert {Image.open(BytesIO(view.data)).size for view in taken} == {(96, 72)}
    assert [view.data for view in islice(views(SMALL, 1000), 3)] == [view.data for view in taken[:3]]
    labels = [view.label for view in taken if view.label is not None]
    assert len(labels) == 2 * 20, "whole photos, as they are and mirrored"


def test_fewer_views_are_distributed_over_the_photos():
    few = list(views(SMALL, 10))
    assert 5 < len(few) <= 10
    assert len(list(views(Size(96, 72, every=40), 1000))) == 8


@pytest.mark.parametrize("name", list(variants()))
@pytest.mark.parametrize("size", [(24, 18), (96, 72), (101, 330)])
def test_variants_decode_the_same_photo(name: str, size: tuple[int, int]):
    data = jpeg(*size)
    pixels = variants()[name](data, TRANSFORM)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    difference = np.abs(pixels.astype(int) - variants()[REFERENCE](data, TRANSFORM))
    assert difference.mean() < 12


def test_variants_differ_as_expected():
    data = jpeg(400, 300)
    exact = Scaled()(data, TRANSFORM)
    assert np.array_equal(Scaled(20.0)(data, TRANSFORM), exact), "no scaled decoding if too few pixels would remain"
    others = [Scaled(1.0), Scaled(mode="YCbCr"), Scaled(fast=True), Scaled(smaller=Image.Resampling.BOX)]
    assert all(not np.array_equal(other(data, TRANSFORM), exact) for other in others)
    assert np.array_equal(Scaled(larger=Image.Resampling.BOX)(data, TRANSFORM), exact)


@pytest.mark.parametrize("simplejpeg", [False, True])
def test_area_of_opencv(simplejpeg: bool):
    assert Area(2.0, simplejpeg=simplejpeg)(jpeg(96, 72), TRANSFORM).shape == (32, 32, 3)


def _dark(data: bytes, transform: Transform) -> UInt8Array:
    return Scaled()(data, transform) // 8


def _predict(pixels: UInt8Array) -> Float32Array:
    """The brighter the image, the more probable is class 1."""
    bright = pixels.astype(np.float32).mean(axis=(1, 2, 3)) / 255
    return np.stack([np.full_like(bright, 0.2), bright, *[np.zeros_like(bright)] * 4], axis=1)


@pytest.fixture
def tallies() -> dict[str, Tally]:
    seen: list[int] = []

    def shown() -> Iterator[View]:
        for seed in range(20):
            yield View(encode(photo(48, 36, seed), "JPEG"), label=1 if seed < 4 else None)

    decoders: dict[str, Decode] = {REFERENCE: Scaled(), SERVICE: Scaled(2.0), "dark": _dark}
    found, mean_bytes = measure(shown(), decoders, TRANSFORM, _predict, repeats=1, done=seen.append)
    assert seen == [16, 4]
    assert mean_bytes > 500
    return found


def test_agreement_hits_and_differences(tallies: dict[str, Tally]):
    exact, dark = tallies[REFERENCE], tallies["dark"]
    assert (exact.views, exact.agreement, exact.pixel_difference, exact.probability_difference) == (20, 1.0, 0.0, 0.0)
    assert (exact.labelled, exact.hits) == (4, 4)
    assert dark.agreement == 0
    assert 50 < dark.pixel_difference < 200
    assert dark.probability_difference == pytest.approx(dark.pixel_difference / 255, abs=0.01)
    assert all(len(tally.times_ms) == 20 and tally.ms > 0 for tally in tallies.values())


def test_a_hit_is_a_label_in_the_top_5():
    tally = Tally()
    probabilities = np.array([0.3, 0.25, 0.2, 0.1, 0.1, 0.05], np.float32)
    for label in (0, 4, 5, None):
        tally.compare(probabilities, probabilities, label)
    assert (tally.views, tally.labelled, tally.hits) == (4, 3, 2)


@pytest.fixture
def found(tallies: dict[str, Tally]) -> Preprocessing:
    machine = Machine("A CPU", 2, 8.0, "Linux 6", "3.11.2")
    sizes = ("48 × 36", "96 × 72")
    return Preprocessing(machine, "a-model", 3, dict.fromkeys(sizes, tallies), dict.fromkeys(sizes, 2_000))


def test_tables(found: Preprocessing, tmp_path: Path):
    rows = {row[0]: row[1:] for row in report.times(found)}
    assert rows["CPU ms"] == ["48 × 36", "÷ service", "96 × 72", "÷ service"]
    assert rows[SERVICE][1::2] == ["1.00", "1.00"]
    accuracy = {row[0]: row[1:] for row in report.accuracy(found)}
    assert accuracy[REFERENCE] == ["100.0", "100.0", accuracy[REFERENCE][2], "0.00", "0.0000"]
    assert accuracy["dark"][:2] == ["0.0", "0.0"]
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{report.BLOCK.begin}\n\nold\n\n{report.BLOCK.end}\n\nafter\n")
    report.write_into(page, found)
    text = page.read_text()
    assert "old" not in text
    assert "| dark |" in text
    assert (text[:6], text[-6:]) == ("before", "after\n")


def test_json(found: Preprocessing):
    document = json.loads(found.as_json())
    assert document["tallies"]["48 × 36"]["dark"]["agreement"] == 0
    assert document["model"] == "a-model"


def test_the_documentation_has_the_markers():
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    assert text.index(report.BLOCK.begin) < text.index(report.BLOCK.end)


def test_help_and_invalid_options():
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert "python -m benchmarks.preprocessing --sizes 500,1000" in shown.stdout
    wrong = CliRunner().invoke(app, ["--sizes", "501"])
    assert wrong.exit_code == 2
    assert all(str(size.width) in wrong.stderr for size in SIZES)
