"""``raylens models calibrate`` with a fake calibration; tests/models has the real one."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from models import artifacts, child_process, quantization
from models.activation_statistics import ActivationStatistics
from models.arrays import UInt8Array
from models.quantization_report import QuantizationReport
from models.spec import ModelSpec
from serve_app.cli.models import app
from serve_app.settings import settings


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    yield tmp_path / "data"
    settings.cache_clear()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 24 photos, a copy of one of them, and two files that are not photos."""
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    for i in range(24):
        Image.new("RGB", (40, 30), (10 * i, 0, 0)).save(folder / "deeper" / f"{i}.png")
    (folder / "again.png").write_bytes((folder / "deeper" / "0.png").read_bytes())
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (folder / "notes.txt").write_text("not a photo")
    return folder


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the agreement of the next calibration."""

    def fake(agreement: float) -> None:
        def compare(_int8: object, _fp32: object, pixels: UInt8Array, *, photos: int) -> QuantizationReport:
            return QuantizationReport(photos, len(pixels), agreement, 0.0125, 1.4)

        monkeypatch.setattr(quantization, "compare", compare)

    def fill(_: object, draft: Path, *__: object) -> None:
        for name in artifacts.ARTIFACT_FILES:
            (draft / name).write_bytes(b"content")
        ActivationStatistics((), 12, "").write(draft / quantization.STATISTICS)

    def export(_: ModelSpec, draft: Path) -> None:
        fill(None, draft)

    monkeypatch.setattr(artifacts, "_export", export)
    monkeypatch.setattr(child_process, "run", fill)
    monkeypatch.setattr(quantization, "_load", lambda *_: None)
    return fake


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["calibrate", *arguments])
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


def known() -> dict[str, object] | None:
    """The comparison of the model in use: that of the packaged statistics before a calibration."""
    shown = CliRunner().invoke(app, ["show", "efficientnet-lite0", "--json"]).stdout
    int8: dict[str, object] | None = json.loads(shown)["int8"]
    return int8


def test_photos_are_split_and_the_outcome_is_shown(photos: Path, outcome: Callable[[float], None]) -> None:
    outcome(0.99)
    code, table, stderr = run("efficientnet-lite0", str(photos))
    assert code == 0
    assert "Skipped" in stderr
    assert "broken.jpg" in stderr.replace(" ", "")
    assert all(words in table for words in ("12 photos", "12 others", "99.0%", "0.0125", "1.40", "config/serve.yaml"))
    assert known() == {
        "photos": 12,
        "compared_on": 12,
        "agreement": 0.99,
        "mean_difference": 0.0125,
        "speedup": 1.4,
    }
    assert "99.0%" in CliRunner().invoke(app, ["list"]).stdout


def test_json_output_and_the_holdout_option(photos: Path, outcome: Callable[[float], None]) -> None:
    outcome(1.0)
    code, stdout, _ = run("efficientnet-lite0", str(photos), "--holdout", "0.42", "--json")
    assert code == 0
    assert (json.loads(stdout)["photos"], json.loads(stdout)["compared_on"]) == (14, 10)


def test_low_agreement_is_rejected_unless_forced(photos: Path, outcome: Callable[[float], None]) -> None:
    outcome(0.96)
    code, table, stderr = run("efficientnet-lite0", str(photos))
    assert (code, table) == (5, "")
    assert "agree on 96.0% of 12 photos" in stderr
    assert "--force" in stderr
    packaged = known()
    assert packaged
    assert packaged["photos"] != 12
    assert run("efficientnet-lite0", str(photos), "--force")[0] == 0
    calibrated = known()
    assert calibrated
    assert calibrated["photos"] == 12


def test_other_photos_to_compare_on_and_the_statistics_as_a_file(
    tmp_path: Path, photos: Path, outcome: Callable[[float], None]
) -> None:
    outcome(0.98)
    (tmp_path / "others").mkdir()
    for i in range(11):
        Image.new("RGB", (40, 30), (0, 10 * i, 0)).save(tmp_path / "others" / f"{i}.png")
    (photos / "deeper" / "0.png").rename(tmp_path / "others" / "0.png")  # also in ``photos``, so not calibrated on
    others, file = str(tmp_path / "others"), tmp_path / "statistics.json"
    arguments = ["efficientnet-lite0", str(photos), "--compare-on", others, "--statistics", str(file), "--json"]
    code, stdout, _ = run(*arguments)
    assert code == 0
    assert (json.loads(stdout)["photos"], json.loads(stdout)["compared_on"]) == (23, 11)
    report = ActivationStatistics.read(file).report
    assert report
    assert report.agreement == 0.98
    file.unlink()
    file.mkdir()
    code, _, stderr = run(*arguments)
    assert (code, "could not be written" in stderr) == (1, True)
    code, _, stderr = run("efficientnet-lite0", others, "--compare-on", others)
    assert (code, "too few" in stderr) == (2, True)


@pytest.mark.usefixtures("outcome")
def test_an_unsuitable_folder_is_a_usage_error(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (photos / "broken.jpg").rename(tmp_path / "broken" / "broken.jpg")
    for folder, words in {
        tmp_path / "nowhere": "is not a folder",
        tmp_path / "empty": "no readable photo",
        tmp_path / "broken": "no readable photo",
    }.items():
        code, _, stderr = run("efficientnet-lite0", str(folder))
        assert code == 2
        assert words in stderr
    code, _, stderr = run("efficientnet-lite0", str(photos), "--holdout", "0.2")
    assert code == 2
    assert "24 distinct photos" in stderr
    assert "too few" in stderr


@pytest.mark.usefixtures("outcome")
def test_an_unknown_model_is_a_usage_error(photos: Path) -> None:
    code, _, stderr = run("efficientnet-lite", str(photos))
    assert (code, "Did you mean" in stderr) == (2, True)


def test_the_split_does_not_depend_on_file_names(photos: Path) -> None:
    from rich.console import Console

    from models.zoo import resolve_model
    from serve_app.cli.calibrate import _split

    spec, quiet = resolve_model("efficientnet-lite0"), Console(quiet=True)
    before = _split(photos, 0.5, spec, quiet)
    for path in sorted(photos.glob("deeper/*.png")):
        path.rename(path.with_name(f"{99 - int(path.stem)}.png"))
    np.testing.assert_array_equal(_split(photos, 0.5, spec, quiet), before)
