import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models import artifacts
from models.errors import WeightsUnavailable
from models.spec import ModelSpec
from serve_app.cli.models import app
from serve_app.settings import settings
from tests.models.custom.saved import COLOURS, write_colour_model


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RAYLENS_MODELS", "efficientnet-lite0")
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake export, which fails for MobileNet as it does without a network."""

    def export(spec: ModelSpec, draft: Path) -> None:
        if spec.name == "mobilenet":
            raise WeightsUnavailable("The weights of MobileNet are not here.")
        for name in artifacts.ARTIFACT_FILES:
            (draft / name).write_bytes(b"content")

    monkeypatch.setattr(artifacts, "_export", export)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_list_shows_every_model_and_marks_the_served_ones() -> None:
    code, table, _ = run("list")
    assert code == 0
    lines = {line.split()[0]: line for line in table.splitlines() if line.strip()}
    assert lines["efficientnet-lite0"].rstrip().endswith("yes")
    assert {"efficientnet-lite2", "mobilenet", "resnet50", "convnexttiny"} <= set(lines)


def test_show_prints_the_same_fields_as_a_table_and_as_json() -> None:
    code, stdout, _ = run("show", "MobileNet", "--json")
    known = json.loads(stdout)
    assert code == 0
    assert (known["name"], known["input_size"], known["classes"], known["prepared"]) == ("mobilenet", 224, 1000, False)
    _, table, _ = run("show", "mobilenet")
    assert all(key in table for key in known)


def test_every_name_of_the_list_can_be_shown(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_colour_model(data_dir / "mine.keras", activation="softmax", labels=COLOURS)
    monkeypatch.setenv("RAYLENS_MODELS", str(model))
    settings.cache_clear()
    listed = {fields["name"]: fields for fields in json.loads(run("list", "--json")[1])}
    assert json.loads(run("show", "mine", "--json")[1]) == listed["mine"]


@pytest.mark.parametrize("command", ["show", "prepare"])
def test_an_unknown_model_is_a_usage_error(command: str) -> None:
    code, stdout, stderr = run(command, "mobilnet")
    assert (code, stdout) == (2, "")
    assert "Did you mean mobilenet" in stderr


@pytest.mark.usefixtures("exports")
def test_prepare_builds_the_served_models(data_dir: Path) -> None:
    assert run("prepare")[0] == 0
    assert json.loads(run("show", "efficientnet-lite0", "--json")[1])["prepared"] is True
    assert len(list((data_dir / "artifacts").glob("efficientnet-lite0-*/model.xml"))) == 1


@pytest.mark.usefixtures("exports")
def test_prepare_continues_after_a_failure_and_reports_it() -> None:
    code, stdout, stderr = run("prepare", "mobilenet", "efficientnet-lite0", "--json")
    outcomes = {outcome["name"]: outcome for outcome in json.loads(stdout)}
    assert code == 1
    assert outcomes["mobilenet"]["error"] == "The weights of MobileNet are not here."
    assert outcomes["efficientnet-lite0"]["error"] is None
    assert Path(outcomes["efficientnet-lite0"]["artifact"]).is_dir()
    assert "Error: The weights of MobileNet are not here." in stderr
