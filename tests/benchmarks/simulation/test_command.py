"""The command ``python -m benchmarks.simulation``."""

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmarks.simulation import charts
from benchmarks.simulation.__main__ import app

SHORT = ("--hours", "0.1", "--base", "30", "--peak", "30", "--bursts", "0")
SMALL = ("--set", "workers.resources.limits.cpu=4")
runner = CliRunner()


@pytest.fixture
def no_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than these tests."""
    monkeypatch.setattr(charts, "draw", lambda *_: None)


def test_help_contains_an_example_and_the_exit_status() -> None:
    outcome = runner.invoke(app, ["--help"])
    assert outcome.exit_code == 0
    assert "python -m benchmarks.simulation --peak 800" in outcome.stdout
    assert "Exit status" in outcome.stdout


def test_json_and_chart(tmp_path: Path) -> None:
    outcome = runner.invoke(app, [*SHORT, "--json", "--price", "0.5", "--results", str(tmp_path)])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    assert found == json.loads((tmp_path / "day.json").read_text())
    summary = found["summaries"]["as configured"]
    assert summary["images"] == pytest.approx(30 * 360, rel=0.05)
    assert (summary["refused"], summary["node_hours"], summary["cost"]) == (0, pytest.approx(0.2), pytest.approx(0.1))
    with Image.open(tmp_path / "day.png") as image:
        assert image.width > 1000


@pytest.mark.usefixtures("no_chart")
def test_table(tmp_path: Path) -> None:
    outcome = runner.invoke(app, [*SHORT, "--results", str(tmp_path)])
    assert outcome.exit_code == 0, outcome.output
    assert "as configured" in outcome.stdout


@pytest.mark.usefixtures("no_chart")
def test_the_exit_status_reports_too_many_refused_images(tmp_path: Path) -> None:
    overload = ("--hours", "0.1", "--base", "500", "--peak", "500", "--bursts", "0", "--max-refused", "5", *SMALL)
    assert runner.invoke(app, [*overload, "--results", str(tmp_path)]).exit_code == 1


@pytest.mark.parametrize(
    "wrong",
    [
        ("--set", "wrokers.maxReplicas=3"),
        ("--set", "workers.maxReplicas"),
        ("--set", "serve.deployments.Classifier.autoscaling_config.max_replicas=1"),
        ("--set", "serve.autoscaling.busy_share=much"),
        ("--set", "serve.autoscaling.busy=1"),
        ("--set", "workers.maxReplicas=-1"),
        ("--values", "/nowhere.yaml"),
        ("--rates", "/nowhere.csv"),
        ("--assume", "node_start=5"),
        ("--assume", "node_start_s=soon"),
        ("--assume", "node_start_s=nan"),
    ],
)
def test_invalid_arguments_are_rejected(wrong: tuple[str, ...], tmp_path: Path) -> None:
    outcome = runner.invoke(app, [*SHORT, *wrong, "--results", str(tmp_path)])
    assert outcome.exit_code == 2, outcome.output
    assert not list(tmp_path.iterdir())
