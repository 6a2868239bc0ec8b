"""The command ``python -m benchmarks.growth``."""

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmarks.growth import records
from benchmarks.growth.__main__ import app
from tests.benchmarks.growth.sample import growth

runner = CliRunner()


def test_help_contains_an_example_and_the_exit_status():
    outcome = runner.invoke(app, ["--help"])
    assert outcome.exit_code == 0
    assert "python -m benchmarks.growth --only replicas,requests" in outcome.stdout
    assert "Exit status" in outcome.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--only", "replicas,cooking"),
        ("--only", ""),
        ("--only", "records", "--docs"),
        ("--rounds", "0"),
        ("--database-url", "sqlite:///mine.db"),
        ("--database-url", "oracle://somewhere/x"),
        ("--from", "/nowhere.json"),
    ],
)
def test_invalid_options_are_rejected(arguments: tuple[str, ...]):
    assert runner.invoke(app, arguments).exit_code == 2


def test_an_earlier_run_is_shown(tmp_path: Path):
    (tmp_path / "earlier.json").write_text(growth().as_json())
    outcome = runner.invoke(app, ["--from", str(tmp_path / "earlier.json"), "--results", str(tmp_path / "new")])
    assert outcome.exit_code == 0, outcome.output
    assert "A cluster for 10,000 images/s" in outcome.stdout
    assert not (tmp_path / "new").exists()


def test_a_file_of_another_format_is_rejected(tmp_path: Path):
    (tmp_path / "broken.json").write_text("{}")
    outcome = runner.invoke(app, ["--from", str(tmp_path / "broken.json")])
    assert outcome.exit_code == 1
    assert "Benchmark failed" in outcome.stderr


@pytest.mark.chaos
def test_quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(records, "QUICK_SIZES", (1_000,))
    outcome = runner.invoke(app, ["--quick", "--only", "records", "--json", "--results", str(tmp_path)])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    assert found == json.loads((tmp_path / "growth.json").read_text())
    assert [each["rows"] for each in found["records"]] == [1_000]
    for each in found["records"]:
        assert all(0 < times["median"] <= times["p95"] for times in (each["api"] | each["database"]).values())
    with Image.open(tmp_path / "growth.png") as image:
        image.verify()
