from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.api import Api, running


@pytest.fixture
def api() -> Iterator[Api]:
    with running(Api()) as api:
        yield api


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images, one of them deeper, and a file that is none."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(["b.png", "a.jpg", "deep/c.WEBP"]):
        Image.new("RGB", (40, 30), (80 * number, 100, 50)).save(
            folder / name, name.rpartition(".")[2].replace("jpg", "jpeg")
        )
    (folder / "notes.txt").write_text("no image")
    return folder
