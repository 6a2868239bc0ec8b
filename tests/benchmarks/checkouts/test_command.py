"""The command ``python -m benchmarks.checkouts``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.checkout import Checkout
from benchmarks.checkouts.__main__ import app
from benchmarks.command import ROOT

runner = CliRunner()


def test_help_contains_an_example_and_the_exit_status():
    outcome = runner.invoke(app, ["--help"])
    assert outcome.exit_code == 0
    assert "python -m benchmarks.checkouts --against ../main" in " ".join(outcome.stdout.split())
    assert "Exit status" in outcome.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--against", "/nowhere"),
        ("--against", str(ROOT / "docs")),
        ("--against", str(ROOT), "--connections", "1,many"),
        ("--against", str(ROOT), "--connections", "0"),
        ("--against", str(ROOT), "--rounds", "0"),
    ],
)
def test_invalid_options_are_rejected(arguments: tuple[str, ...]):
    assert runner.invoke(app, arguments).exit_code == 2


def test_another_checkout_without_an_environment_uses_this_one(tmp_path: Path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("print('the other checkout')")
    other = Checkout(tmp_path)
    assert other.python == Path(sys.executable)
    command = [str(other.python), "-c", "import models"]
    done = subprocess.run(command, env=other.environment(), cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "the other checkout"


def test_another_checkout_uses_its_own_environment(tmp_path: Path):
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert Checkout(tmp_path).python == python


def test_each_checkout_has_its_own_artifacts(tmp_path: Path):
    assert Checkout(tmp_path / "a").artifacts != Checkout(tmp_path / "b").artifacts
    assert Checkout(tmp_path).artifacts.is_relative_to(ROOT / ".raylens")


def test_a_folder_without_git_has_no_revision(tmp_path: Path):
    assert Checkout(tmp_path).revision() == ""


@pytest.mark.chaos
def test_a_checkout_against_itself(tmp_path: Path):
    arguments = ["--against", str(ROOT), "--connections", "4", "--hits", "--rounds", "1", "--seconds", "2"]
    outcome = runner.invoke(app, [*arguments, "--json", "--results", str(tmp_path)])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    assert found == json.loads((tmp_path / "checkouts.json").read_text())
    (round_,) = found["rounds"]
    for side in ("before", "after"):
        run = round_["4 connections"][side]
        assert run["load"]["refused"] == run["load"]["failed"] == 0
        assert {"Ingress", "Classifier"} <= set(run["cpu_ms_per_image"])
        assert round_["4, cache hits"][side]["mean_batch"] == 0.0
