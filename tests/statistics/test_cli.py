"""``raylens db``."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from serve_app.cli.db import app
from serve_app.database import schema
from serve_app.database.engine import connect
from serve_app.settings import settings
from serve_app.statistics.record_writer import write_records
from serve_app.statistics.spool import Spool
from tests.statistics.examples import example, examples


@pytest.fixture(autouse=True)
def _data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def database_url(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database that the settings point to."""
    monkeypatch.setenv("RAYLENS_DATABASE_URL", empty_url)
    return empty_url


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_upgrade_then_status_then_prune(database_url: str, tmp_path: Path):
    assert json.loads(_run("status", "--json").stdout)["revision"] is None
    assert _run("upgrade").exit_code == 0
    assert _run("upgrade").exit_code == 0
    engine = connect(database_url)
    write_records(engine, [*examples(1, 2), example(3, created_at=1.0)])
    engine.dispose()
    Spool(tmp_path / "spool").put(examples(4, 5))
    state = json.loads(_run("status", "--json").stdout)
    assert state["revision"] == state["revision_needed"] == schema.describe(schema.head())
    assert (state["classifications"], state["records_pending"]) == (3, 2)
    assert json.loads(_run("prune", "--days", "9000", "--json").stdout)["classifications_deleted"] == 1
    assert "classifications" in _run("status").stdout


@pytest.mark.usefixtures("database_url")
def test_passwords_are_never_printed():
    _run("upgrade")
    for arguments in (["upgrade"], ["status"], ["status", "--json"]):
        assert "a-secret" not in _run(*arguments).output


def test_an_unreachable_database_gives_a_one_line_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAYLENS_DATABASE_URL", "mysql://user:topsecret@127.0.0.1:1/raylens")
    settings.cache_clear()
    for arguments in (["upgrade"], ["status"], ["prune", "--days", "1"]):
        result = _run(*arguments)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        assert "Can't connect" in result.stderr
        assert "topsecret" not in result.stderr


@pytest.mark.parametrize("arguments", [["prune"], ["prune", "--days", "0"], ["prune", "--days", "x"], ["nonsense"]])
def test_invalid_usage_exits_with_2(arguments: list[str]):
    assert _run(*arguments).exit_code == 2


@pytest.mark.parametrize("command", ["upgrade", "status", "prune", "backup"])
def test_help_shows_an_example(command: str):
    assert f"raylens db {command}" in " ".join(_run(command, "--help").stdout.split())
