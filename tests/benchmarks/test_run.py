"""The benchmark command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmarks.run import app
from tests.benchmarks.sample import benchmark_of, round_of

ROOT = Path(__file__).parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=500)


def test_help_contains_an_example_and_the_exit_status():
    outcome = CliRunner().invoke(app, ["--help"])
    assert outcome.exit_code == 0
    assert "python -m benchmarks.run --rounds 5" in outcome.stdout
    assert "Exit status" in outcome.stdout


@pytest.mark.parametrize("wrong", [("--rounds", "0"), ("--config", "/nowhere.yaml")])
def test_invalid_options_are_rejected(wrong: tuple[str, ...]):
    assert CliRunner().invoke(app, wrong).exit_code == 2


def test_an_earlier_run_is_shown(tmp_path: Path):
    (tmp_path / "earlier.json").write_text(json.dumps(benchmark_of(round_of(200, 150, 1500)).as_dict()))
    outcome = CliRunner().invoke(app, ["--from", str(tmp_path / "earlier.json"), "--results", str(tmp_path / "new")])
    assert outcome.exit_code == 0, outcome.output
    assert "hardware limit" in outcome.stdout
    assert "CPU of the idle" in outcome.stdout
    assert not (tmp_path / "new").exists()


def test_a_file_of_another_format_is_rejected(tmp_path: Path):
    (tmp_path / "broken.json").write_text("{}")
    assert CliRunner().invoke(app, ["--from", str(tmp_path / "broken.json")]).exit_code == 1


@pytest.mark.chaos
def test_quick(tmp_path: Path):
    outcome = _bench("--quick", "--json", "--results", str(tmp_path))
    assert outcome.returncode == 0, outcome.stderr
    found = json.loads(outcome.stdout)
    assert found == json.loads((tmp_path / "latest.json").read_text())
    (each,) = found["rounds"]
    assert (each["limit"]["runtime"], each["limit"]["precision"]) == (
        found["model"]["runtime"],
        found["model"]["precision"],
    )
    assert 0 < each["limit"]["cores_got"] <= found["machine"]["cores"] + 0.05
    full = each["runs"]["64 connections"]
    assert full["load"]["refused"] == full["load"]["failed"] == 0
    assert full["mean_batch"] > each["runs"]["1 connection"]["mean_batch"] == 1.0
    assert each["runs"]["64, cache hits"]["mean_batch"] == 0.0
    assert 0 < each["floor"]["http_ms"] < each["floor"]["model_ms"]
    assert 0 < sum(each["idle_cores"].values()) < 2
    assert each["open_hits"]["answered"] > 0
    stages = {"Ingress", "Preprocessor", "Classifier", "Results"}
    assert stages <= set(each["memory"])
    assert all(full["cpu_ms_per_image"][stage] > 0 for stage in stages)
    with Image.open(tmp_path / "latest.png") as image:
        image.verify()
