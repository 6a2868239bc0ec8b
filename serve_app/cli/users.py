"""``raylens users``: manage the users in the configured database."""

import json
import sys
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from serve_app.cli.options import JsonLinesOption, JsonOption

if TYPE_CHECKING:
    from auth.principal import User
    from serve_app.cli.administration import Administration

app = typer.Typer(
    no_args_is_help=True,
    help="""Manage users in the database of RAYLENS_DATABASE_URL. No running server is needed.

    Exit status: 0 done, 1 database error, 2 usage error, invalid settings or input, 3 no such user.""",
)

_UserName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]


@app.command("create-admin", epilog="Example: raylens users create-admin alice --password-stdin < password.txt")
def create_admin_command(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Name of the administrator; prompted for if omitted.")
    ] = "",
    *,
    email: Annotated[str, typer.Option(help="E-mail address of the administrator.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input instead of a prompt.")
    ] = False,
    promote: Annotated[bool, typer.Option("--promote", help="Make an existing user an administrator.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Create an administrator, or promote an existing user."""
    from serve_app.cli.errors import UsageError
    from serve_app.cli.password_prompt import read_password

    with _administration() as administration:
        name = name or str(typer.prompt("Name", err=True))
        if promote:
            user = administration.set_role(name, "admin")
        elif administration.is_taken(name):
            raise UsageError(f"The user {name} exists; use `raylens users create-admin {name} --promote`.")
        else:
            user = administration.create_admin(name, read_password(from_stdin=password_stdin), email)
    _show(user, as_json)
    if not as_json:
        _print_next_steps()


@app.command("list", epilog="Example: raylens users list --search alice --json")
def list_users_command(
    *,
    search: Annotated[str, typer.Option(help="Only users with this text in their name or e-mail address.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of users, the newest first.")] = 100,
    as_json: JsonLinesOption = False,
) -> None:
    """List users, the newest first."""
    with _administration() as administration:
        users = list(islice(administration.search(search), limit + 1))
    if as_json:
        for user in users[:limit]:
            typer.echo(json.dumps(_user_json(user)))
    else:
        _print_table(users[:limit])
    if len(users) > limit:
        typer.echo("There are more users; narrow the list with --search or raise --limit.", err=True)


@app.command("disable", epilog="Example: raylens users disable mallory")
def disable_command(name: _UserName, as_json: JsonOption = False) -> None:
    """Disable a user: end all sign-ins and reject new ones. The user's data is kept."""
    with _administration() as administration:
        user = administration.set_disabled(name, True)
    _show(user, as_json)


@app.command("enable", epilog="Example: raylens users enable mallory")
def enable_command(name: _UserName, as_json: JsonOption = False) -> None:
    """Enable a disabled user."""
    with _administration() as administration:
        user = administration.set_disabled(name, False)
    _show(user, as_json)


@app.command("set-role", epilog="Example: raylens users set-role alice admin")
def set_role_command(
    name: _UserName,
    role: Annotated[Literal["user", "admin"], typer.Argument(help="The new role; admins manage users.")],
    as_json: JsonOption = False,
) -> None:
    """Change the role of a user."""
    with _administration() as administration:
        user = administration.set_role(name, role)
    _show(user, as_json)


@app.command("delete", epilog="Example: raylens users delete mallory --yes")
def delete_command(
    name: _UserName,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a user and their data permanently: classifications, keys, tokens and sign-ins."""
    from serve_app.cli.errors import CommandError, UsageError

    with _administration() as administration:
        user = administration.named(name)
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError("There is no terminal to ask for confirmation; use --yes.")
            if not typer.confirm(f"Delete {user.username} and all their data?", err=True):
                raise CommandError("Cancelled; nothing was deleted.")
        administration.delete(user)
    typer.echo(json.dumps({"deleted": user.username}) if as_json else f"Deleted {user.username}.")


def _administration() -> "AbstractContextManager[Administration]":
    from serve_app.cli.administration import administration

    return administration("raylens users")


def _user_json(user: "User") -> dict[str, Any]:
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
        typer.echo(json.dumps(_user_json(user)))
    else:
        state = ", disabled" if user.is_disabled else ""
        typer.echo(f"{user.username}: {user.role}{state}")


def _print_table(users: "list[User]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("id", "name", "e-mail", "role", "since", "state", box=None, pad_edge=False)
    for user in users:
        fields = _user_json(user)
        cells = (user.id, user.username, user.email, user.role, fields["created_at"][:10])
        table.add_row(*(Text(str(cell)) for cell in cells), "disabled" if user.is_disabled else "")
    Console().print(table)


def _print_next_steps() -> None:
    from serve_app.cli.options import default_server
    from serve_app.settings import settings

    url = settings().effective_public_url
    server = "" if url == default_server() else f" --server {url}"
    typer.echo(f"Start the service with `raylens serve`; sign in at {url}/ or with `raylens login{server}`.")
