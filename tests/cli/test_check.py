"""``raylens models check`` on small models of users, on both runtimes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from serve_app.cli.models import app
from serve_app.settings import settings
from tests.models.conftest import importing_tensorflow
from tests.models.custom.saved import COLOURS, write_colour_model


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    with importing_tensorflow():
        yield
    settings.cache_clear()


def check(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["check", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_a_model_and_a_photo(tmp_path: Path) -> None:
    path = write_colour_model(tmp_path / "größe.keras", activation="sigmoid", labels=COLOURS, center=0.5)
    photo = tmp_path / "yellow.png"
    Image.new("RGB", (20, 10), (255, 255, 0)).save(photo)
    code, stdout, _ = check(path, photo, "--json")
    report = json.loads(stdout)
    assert code == 0
    assert (report["name"], report["kind"], report["input_shape"]) == ("größe", "multi-label", [8, 8, 3])
    assert report["classes"] == COLOURS
    assert report["runtimes_agree"] is True
    assert report["largest_difference"] < 0.001
    assert report["predictions"] == [pytest.approx({"red": 1, "green": 1, "blue": 0.018}, abs=0.001)]
    assumed, mismatch = report["warnings"]
    assert "has no layer that scales its input" in assumed
    assert "certain of every image" in mismatch
    (tmp_path / "größe.model.yaml").write_text("input_range: 0..255\n")
    code, stdout, stderr = check(path, photo)
    assert code == 0
    assert "0..255, from größe.model.yaml" in stdout
    assert "Warning" not in stderr


def test_models_and_photos_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    path = write_colour_model(tmp_path / "mine.keras", activation="relu", labels=COLOURS)
    (tmp_path / "notes.txt").write_text("no photo")
    cases = [((path,), 1), ((tmp_path / "other.keras",), 2)]
    for arguments, status in cases:
        code, stdout, stderr = check(*arguments)
        assert (code, stdout) == (status, "")
        assert len(stderr.strip().splitlines()) == 1
    (tmp_path / "model.yaml").write_text("kind: multi-label\noutputs: logits")
    code, _, stderr = check(path, tmp_path / "notes.txt")
    assert code == 2
    assert "notes.txt" in stderr
