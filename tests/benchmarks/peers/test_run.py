"""The command ``python -m benchmarks.peers.run``."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.peers import environment, run
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.report import BLOCK
from tests.benchmarks.peers.sample import comparison, round_of

WIDE = {"COLUMNS": "150", "TERMINAL_WIDTH": "150"}


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    path = tmp_path / "earlier.json"
    path.write_text(json.dumps(comparison(round_of(160, 100, 80)).as_dict()))
    return path


def test_help_contains_an_example_and_the_exit_status():
    outcome = CliRunner().invoke(run.app, ["--help"], env=WIDE)
    assert outcome.exit_code == 0
    assert "python -m benchmarks.peers.run --only triton,litserve" in outcome.output
    assert "Exit status" in outcome.output


@pytest.mark.parametrize("wrong", [["--only", "tritn"], ["--rounds", "0"], ["--from", "/nowhere.json"]])
def test_invalid_options_are_rejected(wrong: list[str]):
    assert CliRunner().invoke(run.app, wrong).exit_code == 2


def test_an_earlier_run_updates_the_documentation(earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "DOCS", tmp_path)
    (tmp_path / "comparison.md").write_text(f"{BLOCK.begin}\n{BLOCK.end}\n")
    outcome = CliRunner().invoke(run.app, ["--from", str(earlier), "--docs"], env=WIDE)
    assert outcome.exit_code == run.SOME_LEFT_OUT
    assert "MLServer" in outcome.output
    assert "| NVIDIA Triton | 100 |" in (tmp_path / "comparison.md").read_text()
    assert (tmp_path / "images" / "bench-compare.png").stat().st_size > 10_000


def test_json(earlier: Path):
    outcome = CliRunner().invoke(run.app, ["--from", str(earlier), "--json"])
    assert json.loads(outcome.stdout) == json.loads(earlier.read_text())


def test_a_file_of_another_format_is_rejected(tmp_path: Path):
    path = tmp_path / "other.json"
    path.write_text("[]")
    outcome = CliRunner().invoke(run.app, ["--from", str(path)])
    assert outcome.exit_code == 1
    assert "Benchmark failed" in outcome.output


def test_a_peer_that_cannot_be_installed_is_left_out(monkeypatch: pytest.MonkeyPatch):
    def fails(_: list[str]) -> str:
        raise environment.NotInstalled("no space left")

    monkeypatch.setattr(environment, "_run", fails)
    monkeypatch.setattr(environment, "STAMP", "not-built")
    monkeypatch.setattr(environment, "FOLDER", Path("/nowhere"))
    plan = type("Plan", (), {"left_out": {}})()
    assert run._installed(PEERS[1], plan, lambda _: None) is None
    assert plan.left_out == {"LitServe": "no space left"}
