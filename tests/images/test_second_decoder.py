"""A second decoder, ImageMagick, shows the same pixels as Raylens in every variant of a matrix."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from serve_app.errors import UnsupportedImage
from serve_app.images import decoding
from serve_app.images.colour import plain_part
from tests.images.decoder_matrix import Cell, cells
from tests.images.pictures import full_pixels
from tests.servers.process import require

pytestmark = pytest.mark.chaos

ALLOWANCE = 2
"""Mean difference in levels: lossy formats round differently, and so do conversions of CMYK."""

NAMED = "is not supported. Save the image as JPEG or PNG."


def second_opinions(matrix: list[Cell], folder: Path) -> dict[str, np.ndarray]:
    """The pixels as ImageMagick decodes them, by the name of the cell; without those that it cannot read."""
    files = {f"{number:04}": cell for number, cell in enumerate(matrix) if not cell.differs}
    for name, cell in files.items():
        (folder / name).write_bytes(cell.data)
    options = "-colorspace sRGB -background white -alpha remove -alpha off -depth 8 -type TrueColor"
    command = ["mogrify", "-format", "png", *options.split(), *files]
    subprocess.run(command, cwd=folder, check=False, capture_output=True)
    found = {}
    for name, cell in files.items():
        if (path := folder / f"{name}.png").exists():
            found[cell.name] = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return found


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> list[Cell]:
    require("mogrify", "imagemagick")
    require("tiffcp", "libtiff-tools")
    return cells(tmp_path_factory.mktemp("cells"))


@pytest.fixture(scope="module")
def opinions(matrix: list[Cell], tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    return second_opinions(matrix, tmp_path_factory.mktemp("opinions"))


def disagreements(matrix: list[Cell], opinions: dict[str, np.ndarray]) -> tuple[dict[str, str], int]:
    """Why cells are wrong, and how many were compared with pixels."""
    wrong, compared = {}, 0
    for cell in matrix:
        try:
            pixels = full_pixels(cell.data)
        except UnsupportedImage as error:
            if NAMED not in str(error):
                wrong[cell.name] = str(error)
            continue
        except Exception as error:
            wrong[cell.name] = repr(error)
            continue
        for who, expected in (("source", cell.expected), ("ImageMagick", opinions.get(cell.name))):
            if expected is not None:
                compared += 1
                difference = np.abs(pixels - expected)
                if difference.mean() > ALLOWANCE:
                    wrong[cell.name] = f"differs from {who} by {difference.mean():.1f}"
    return wrong, compared


def test_every_cell_agrees_or_is_refused_by_name(matrix: list[Cell], opinions: dict[str, np.ndarray]):
    wrong, compared = disagreements(matrix, opinions)
    assert wrong == {}
    assert compared > 500
    assert len(opinions) > 120


def test_the_matrix_detects_a_wrong_decoder(
    matrix: list[Cell], opinions: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(decoding, "is_plain", lambda _: False)
    monkeypatch.setattr(
        decoding, "plain_part", lambda *part: plain_part(*part).convert("RGB").transpose(Image.Transpose.ROTATE_180)
    )
    sample = [cell for cell in matrix if cell.name in opinions][::5]
    wrong, _ = disagreements(sample, opinions)
    assert len(wrong) == len(sample)
