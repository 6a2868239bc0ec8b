"""``raylens users``."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from auth.audit import OPERATOR_ID
from auth.errors import InvalidLogin
from auth.service import Auth
from serve_app.cli.administration import COMMAND_LINE, administration
from serve_app.cli.main import app
from serve_app.database.engine import connect
from serve_app.settings import settings
from serve_app.statistics.record_writer import write_records
from tests.auth.application import authenticate
from tests.cli.terminal import Terminal
from tests.statistics.examples import example, rows

PASSWORD = "a long and simple sentence"
KEY = "a secret key of the tests that is long enough"


@pytest.fixture(autouse=True)
def database_url(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database without users."""
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYLENS_DATABASE_URL", url)
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RAYLENS_SECRET_KEY", KEY)
    settings.cache_clear()
    yield url
    settings.cache_clear()


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["users", *arguments], input=stdin, env={"COLUMNS": "200"})


def create(name: str, *options: str, password: str = PASSWORD) -> Result:
    return run("create-admin", name, "--password-stdin", *options, stdin=f"{password}\n")


def register(*names: str) -> None:
    with administration("test") as administered:
        auth = administered.auth
        for name in names:
            auth.accounts.register(name, PASSWORD, f"{name}@example.org", source=COMMAND_LINE)


def listed(*options: str) -> list[dict[str, Any]]:
    result = run("list", "--json", *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def auth() -> Iterator[Auth]:
    with administration("test") as administered:
        yield administered.auth


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_create_admin(auth):
    result = create("Alice", "--email", "alice@example.org")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Alice: admin\n")
    assert "http://127.0.0.1:8000/" in result.stdout
    assert "raylens login" in result.stdout
    user = authenticate(auth.accounts, "alice", PASSWORD, source=COMMAND_LINE)
    assert (user.role, user.email) == ("admin", "alice@example.org")
    assert PASSWORD not in result.output


def test_every_command_works_on_an_empty_database(empty_url, monkeypatch):
    monkeypatch.setenv("RAYLENS_DATABASE_URL", empty_url)
    settings.cache_clear()
    assert create("alice").exit_code == create("bob").exit_code == 0
    for command in ("disable bob", "enable bob", "set-role bob user", "delete bob --yes"):
        assert run(*command.split()).exit_code == 0, command
    assert [user["username"] for user in listed()] == ["alice"]


def test_a_typed_password_is_confirmed_and_not_echoed(auth):
    terminal = Terminal("users", "create-admin", "--json")
    terminal.wait_for("Name: ")
    terminal.type("alice")
    for prompt in ("Password: ", "Repeat password: "):
        terminal.wait_for(prompt)
        terminal.type(PASSWORD)
    assert terminal.end() == 0
    assert PASSWORD not in terminal.screen
    assert json.loads(terminal.screen.splitlines()[-1])["username"] == "alice"
    assert authenticate(auth.accounts, "alice", PASSWORD, source=COMMAND_LINE).role == "admin"


def test_invalid_input_is_one_line_and_creates_no_user(subtests: pytest.Subtests):
    for arguments, stdin, message in (
        (["alice", "--password-stdin"], "short\n", "too short"),
        (["alice", "--password-stdin"], "", "no password"),
        (["alice", "--password-stdin"], "\n", "no password"),
        (["alice"], "", "--password-stdin"),
        (["a b", "--password-stdin"], PASSWORD, "valid username"),
        (["alice", "--password-stdin", "--email", "nonsense"], PASSWORD, "email"),
    ):
        with subtests.test(arguments=arguments, stdin=stdin):
            result = run("create-admin", *arguments, stdin=stdin)
            assert (result.exit_code, result.stdout) == (2, "")
            assert message in result.stderr
            assert result.stderr.count("\n") == 1
    assert listed() == []


def test_an_existing_user_can_be_promoted(auth):
    register("alice")
    result = create("ALICE", password="another long and simple sentence")
    assert result.exit_code == 2
    assert "raylens users create-admin ALICE --promote" in result.stderr
    assert run("create-admin", "ALICE", "--promote").exit_code == 0
    user = authenticate(auth.accounts, "alice", PASSWORD, source=COMMAND_LINE)
    assert user.role == "admin"


def test_users_are_listed_newest_first_and_searched(monkeypatch):
    monkeypatch.setattr("serve_app.cli.administration._PAGE_SIZE", 2)
    register("alice", "bob", "carol", "dave", "erin")
    assert [user["username"] for user in listed()] == ["erin", "dave", "carol", "bob", "alice"]
    assert [user["username"] for user in listed("--search", "CAROL@")] == ["carol"]
    few = run("list", "--limit", "2")
    assert few.exit_code == 0
    assert [line.split()[1] for line in few.stdout.splitlines()[1:]] == ["erin", "dave"]
    assert "There are more" in few.stderr
    assert "There are more" not in run("list", "--limit", "5").stderr


def test_the_json_of_a_user():
    register("alice")
    [user] = listed()
    assert user | {"id": 0, "created_at": ""} == {
        "id": 0,
        "username": "alice",
        "email": "alice@example.org",
        "role": "user",
        "created_at": "",
        "has_password": True,
        "disabled": False,
    }
    assert user["created_at"].endswith("+00:00")


def test_a_disabled_user_cannot_sign_in_until_enabled(auth):
    register("alice", "bob")
    assert json.loads(run("disable", "Alice", "--json").stdout)["disabled"] is True
    with pytest.raises(InvalidLogin):
        authenticate(auth.accounts, "alice", PASSWORD, source=COMMAND_LINE)
    assert [line.split()[-1] for line in run("list").stdout.splitlines()] == ["state", today(), "disabled"]
    assert run("enable", "alice").stdout == "alice: user\n"
    authenticate(auth.accounts, "alice", PASSWORD, source=COMMAND_LINE)


def test_the_role_can_be_changed():
    register("alice")
    assert run("set-role", "alice", "admin").stdout == "alice: admin\n"
    assert listed()[0]["role"] == "admin"
    assert run("set-role", "alice", "root").exit_code == 2


def test_the_last_administrator_cannot_be_removed():
    create("alice")
    commands = ("set-role {} user", "disable {}", "delete {} --yes")
    for command in commands:
        rejected = run(*command.format("alice").split())
        assert (rejected.exit_code, rejected.stdout, rejected.stderr.count("\n")) == (2, "", 1), command
        assert "admin" in rejected.stderr
    for number, command in enumerate(commands):
        create(f"bob-{number}")
        assert run(*command.format(f"bob-{number}").split()).exit_code == 0, command
    assert [user["username"] for user in listed() if user["role"] == "admin" and not user["disabled"]] == ["alice"]


def test_a_deletion_without_a_terminal_needs_yes(auth):
    register("alice", "bob")
    rejected = run("delete", "alice")
    assert (rejected.exit_code, "--yes" in rejected.stderr) == (2, True)
    assert len(listed()) == 2
    assert run("delete", "alice", "--yes").stdout == "Deleted alice.\n"
    assert [user["username"] for user in listed()] == ["bob"]
    with pytest.raises(InvalidLogin):
        authenticate(auth.accounts, "alice", PASSWORD, source=COMMAND_LINE)


def test_a_deletion_includes_the_history(database_url):
    register("alice", "bob")
    ids = {user["username"]: user["id"] for user in listed()}
    engine = connect(database_url)
    write_records(engine, [example(1, user_id=ids["alice"]), example(2, user_id=ids["bob"]), example(3)])
    assert run("delete", "alice", "--yes").exit_code == 0
    assert rows(engine) == 2
    engine.dispose()


def test_a_deletion_asks_for_confirmation():
    register("alice")
    for answer, code, left in (("n", 1, 1), ("y", 0, 0)):
        terminal = Terminal("users", "delete", "alice")
        terminal.wait_for("Delete alice and all their data?")
        terminal.type(answer)
        assert terminal.end() == code
        assert len(listed()) == left


def test_an_unknown_user_is_an_error():
    commands = ["disable {}", "enable {}", "set-role {} user", "delete {} --yes", "create-admin {} --promote"]
    odd_names = (" ", "a b", "x" * 300, "ä'; --")
    for command, name in [(command, "nobody") for command in commands] + [("enable {}", name) for name in odd_names]:
        result = run(*(word.format(name) for word in command.split()))
        assert (result.exit_code, result.stdout) == (3, ""), (command, name)
        assert result.stderr.count("\n") == 1
        assert "no user" in result.stderr


def test_changes_are_in_the_audit_log(auth):
    register("alice")
    run("disable", "alice")
    run("set-role", "alice", "admin")
    entries = auth.audit.entries(limit=2)
    assert [(entry.event, entry.user_agent) for entry in entries] == [
        ("user.role_changed", "raylens command line"),
        ("user.disabled", "raylens command line"),
    ]
    assert {entry.actor_id for entry in entries} == {OPERATOR_ID}


def test_an_unreachable_database_is_one_line(monkeypatch):
    monkeypatch.setenv("RAYLENS_DATABASE_URL", "mysql://user:topsecret@127.0.0.1:1/raylens")
    settings.cache_clear()
    result = run("list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("raylens users: ")
    assert result.stderr.count("\n") == 1
    assert "topsecret" not in result.stderr


def test_a_shared_database_needs_the_secret_key(monkeypatch):
    monkeypatch.setenv("RAYLENS_DATABASE_URL", "mysql://user:topsecret@127.0.0.1:1/raylens")
    monkeypatch.delenv("RAYLENS_SECRET_KEY")
    settings.cache_clear()
    result = run("list")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "RAYLENS_SECRET_KEY" in result.stderr
