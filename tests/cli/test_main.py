import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from serve_app import VERSION
from serve_app.cli.main import app, main

LIBRARIES = ("ray", "tensorflow", "keras", "openvino", "numpy", "sqlalchemy", "kubernetes", "authlib")


def commands(group: Any, *names: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield *names, name


COMMANDS = list(commands(typer.main.get_command(app)))


def test_help_lists_all_commands():
    shown = CliRunner().invoke(app, ["--help"]).stdout
    for command in {command[0] for command in COMMANDS}:
        assert f" {command} " in shown
    assert {"serve", "classify", "status", "login", "logout", "whoami", "models", "db", "users", "deploy"} <= {
        command[0] for command in COMMANDS
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_gives_an_example(command):
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert f"raylens {' '.join(command)}" in shown.stdout.partition("Example:")[2]


def test_version():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"raylens {VERSION}\n")


def test_help_imports_no_large_library():
    code = f"import sys, serve_app.cli.main; print(*(name for name in {LIBRARIES} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_invalid_settings_are_one_line_each(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYLENS_PORT", "http")
    monkeypatch.setenv("RAYLENS_RATE_LIMIT_USER", "600/fortnight")
    monkeypatch.setattr(sys, "argv", ["raylens", "classify", "--local", "a.jpg"])
    from serve_app.settings import settings

    settings.cache_clear()
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    output = capsys.readouterr()
    assert [line.partition(":")[0] for line in output.err.splitlines()] == ["RAYLENS_PORT", "RAYLENS_RATE_LIMIT_USER"]
    assert "write it like 600/minute" in output.err
