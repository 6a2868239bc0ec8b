"""``raylens users``: who may sign in to the service on the database of the settings."""

import json
import sys
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from serve_app.cli.options import AsJson

if TYPE_CHECKING:
    from auth.principal import User
    from serve_app.cli.administration import Administration

app = typer.Typer(
    no_args_is_help=True,
    help="""The users of the service whose database RAYLENS_DATABASE_URL names; no server has to run.

    Exit status: 0 done, 1 the database cannot be used, 2 wrong usage, settings or input, 3 there is no such user.""",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]


@app.command("create-admin", epilog="Example: raylens users create-admin alice --password-stdin < password.txt")
def create_admin(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Name of the administrator; asked for if left out.")
    ] = "",
    *,
    email: Annotated[str, typer.Option(help="Their e-mail address.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking twice.")
    ] = False,
    promote: Annotated[bool, typer.Option("--promote", help="Make a user who is there already administrator.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create an administrator, the first one or another; or make one of a user."""
    from serve_app.cli.failure import WrongUsage
    from serve_app.cli.new_password import read_password

    with _administration() as administration:
        name = name or str(typer.prompt("Name", err=True))
        if promote:
            user = administration.set_role(name, "admin")
        elif administration.is_taken(name):
            raise WrongUsage(f"There is a user {name}; for them it is `raylens users create-admin {name} --promote`.")
        else:
            user = administration.create_admin(name, read_password(from_stdin=password_stdin), email)
    _show(user, as_json)
    if not as_json:
        _tell_how_to_begin()


@app.command("list", epilog="Example: raylens users list --search alice --json")
def list_users(
    *,
    search: Annotated[str, typer.Option(help="Only those with this in their name or e-mail address.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="No more than these, the newest.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """List users, the newest first."""
    with _administration() as administration:
        users = list(islice(administration.found(search), limit + 1))
    if as_json:
        for user in users[:limit]:
            typer.echo(json.dumps(_described(user)))
    else:
        _print_table(users[:limit])
    if len(users) > limit:
        typer.echo("There are more; narrow it with --search or raise --limit.", err=True)


@app.command(epilog="Example: raylens users disable mallory")
def disable(name: Name, as_json: AsJson = False) -> None:
    """Let a user in no more, and end what they are signed in with. Nothing of theirs is deleted."""
    with _administration() as administration:
        user = administration.set_disabled(name, True)
    _show(user, as_json)


@app.command(epilog="Example: raylens users enable mallory")
def enable(name: Name, as_json: AsJson = False) -> None:
    """Let a user in again."""
    with _administration() as administration:
        user = administration.set_disabled(name, False)
    _show(user, as_json)


@app.command("set-role", epilog="Example: raylens users set-role alice admin")
def set_role(
    name: Name,
    role: Annotated[Literal["user", "admin"], typer.Argument(help="What they may do: an admin manages the others.")],
    as_json: AsJson = False,
) -> None:
    """Make a user an administrator, or an administrator a user."""
    with _administration() as administration:
        user = administration.set_role(name, role)
    _show(user, as_json)


@app.command(epilog="Example: raylens users delete mallory --yes")
def delete(
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a user with all that is theirs: classifications, keys, tokens, sign-ins. There is no way back."""
    from serve_app.cli.failure import Failure, WrongUsage

    with _administration() as administration:
        user = administration.named(name)
        if not yes:
            if not sys.stdin.isatty():
                raise WrongUsage("There is no terminal to ask whether it is meant; give --yes.")
            if not typer.confirm(f"Delete {user.username} and all that is theirs?", err=True):
                raise Failure("Nothing was deleted.")
        administration.delete(user)
    typer.echo(json.dumps({"deleted": user.username}) if as_json else f"{user.username} is deleted.")


def _administration() -> "AbstractContextManager[Administration]":
    from serve_app.cli.administration import administration

    return administration("raylens users")


def _described(user: "User") -> dict[str, Any]:
    from datetime import UTC, datetime

    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "role": user.role,
        "created_at": datetime.fromtimestamp(user.created_us / 1e6, UTC).isoformat(timespec="seconds"),
        "has_password": user.has_password,
        "disabled": user.is_disabled,
    }


def _show(user: "User", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_described(user)))
    else:
        state = ", disabled" if user.is_disabled else ""
        typer.echo(f"{user.username}: {user.role}{state}")


def _print_table(users: "list[User]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("id", "name", "e-mail", "role", "since", "state", box=None, pad_edge=False)
    for user in users:
        known = _described(user)
        cells = (user.id, user.username, user.email, user.role, known["created_at"][:10])
        table.add_row(*(Text(str(cell)) for cell in cells), "disabled" if user.is_disabled else "")
    Console().print(table)


def _tell_how_to_begin() -> None:
    from serve_app.cli.options import DEFAULT_SERVER
    from serve_app.settings import settings

    url = settings().effective_public_url
    server = "" if url == DEFAULT_SERVER else f" --server {url}"
    typer.echo(f"Sign in at {url}/ or with `raylens login{server}`; `raylens serve` starts the service.")
