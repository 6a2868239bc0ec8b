"""The command ``python -m benchmarks.goals``."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.goals import __main__ as command
from benchmarks.goals.__main__ import app
from tests.benchmarks.growth.sample import growth
from tests.benchmarks.peers.sample import comparison, round_of
from tests.benchmarks.sample import benchmark_of
from tests.benchmarks.sample import round_of as bench_round

runner = CliRunner()
DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "latest.json").write_text(json.dumps(benchmark_of(bench_round(200, 150, 1500)).as_dict()))
    (tmp_path / "compare.json").write_text(json.dumps(comparison(round_of(160, 100)).as_dict()))
    (tmp_path / "growth.json").write_text(growth().as_json())
    return tmp_path


def test_help_contains_an_example_and_the_exit_status():
    outcome = runner.invoke(app, ["--help"])
    assert outcome.exit_code == 0
    assert "python -m benchmarks.goals --docs" in outcome.stdout
    assert "Exit status" in outcome.stdout


def test_all_files_are_shown(results: Path):
    outcome = runner.invoke(app, ["--results", str(results), "--json"])
    assert outcome.exit_code == 0, outcome.output
    found = {row["goal"]["what"]: row for row in json.loads(outcome.stdout)}
    assert found["share of the limit at 64 connections, bf16"]["met"] is True
    assert found["4 × the Classifiers of a 20 ms fake model"]["value"]["median"] == pytest.approx(3.8)


def test_a_missing_file_is_reported(results: Path):
    (results / "compare.json").unlink()
    outcome = runner.invoke(app, ["--results", str(results)])
    assert outcome.exit_code == 3
    assert "compare.json is missing; make bench-compare writes it." in outcome.stderr


def test_another_format_is_rejected(results: Path):
    (results / "growth.json").write_text("{}")
    outcome = runner.invoke(app, ["--results", str(results)])
    assert outcome.exit_code == 1
    assert "cannot be read" in outcome.stderr


def test_the_documentation_is_updated(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "DOCS", tmp_path)
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{command.BLOCK.begin}\nold\n{command.BLOCK.end}\nafter\n")
    assert runner.invoke(app, ["--results", str(results), "--docs"]).exit_code == 0
    assert "| goal | bound | result |" in page.read_text()
    assert "old" not in page.read_text()


def test_the_documentation_has_the_markers():
    page = (DOCS / "benchmarks.md").read_text()
    assert page.count(command.BLOCK.begin) == page.count(command.BLOCK.end) == 1
