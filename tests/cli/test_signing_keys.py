import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from serve_app.cli.administration import administration
from serve_app.cli.main import app
from serve_app.settings import settings


@pytest.fixture(autouse=True)
def database(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYLENS_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


def run(*arguments: str, width: str = "200") -> Result:
    return CliRunner().invoke(app, ["signing-keys", *arguments], env={"COLUMNS": width})


def test_a_new_database_has_no_keys() -> None:
    assert (run("list", "--json").exit_code, run("list", "--json").stdout) == (0, "")


def test_rotate_publishes_the_next_key_and_retires_the_last() -> None:
    first = json.loads(run("rotate", "--json").stdout)["id"]
    assert run("rotate").exit_code == 0
    newest, oldest = (json.loads(line) for line in run("list", "--json").stdout.splitlines())
    assert (oldest["id"], oldest["generation"], newest["generation"]) == (first, 1, 2)
    assert newest["published_until"] is None
    assert oldest["created_at"] <= newest["created_at"] < newest["signs_from"] < oldest["published_until"]
    with administration("test") as administered:
        published = {key["kid"] for key in administered.auth.signing_keys.public_set()["keys"]}
    assert published == {newest["id"], first}
    shown = run("list", width="80").stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["id", newest["id"], oldest["id"]]


def test_no_private_key_is_shown() -> None:
    run("rotate")
    shown = run("list").stdout + run("list", "--json").stdout
    assert "PRIVATE" not in shown
    assert '"d"' not in shown
    assert "sealed" not in shown


def test_an_unreachable_database_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYLENS_DATABASE_URL", "mysql://user:topsecret@127.0.0.1:1/raylens")
    monkeypatch.setenv("RAYLENS_SECRET_KEY", "k" * 32)
    settings.cache_clear()
    result = run("rotate")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "topsecret" not in result.stderr
