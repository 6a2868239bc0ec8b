"""``raylens signing-keys``: the keys of the OAuth server's id_tokens."""

import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serve_app.cli.options import AsJson

if TYPE_CHECKING:
    from auth.oauth.signing_keys import SigningKey
    from serve_app.cli.administration import Administration

app = typer.Typer(
    no_args_is_help=True,
    help="""The keys that sign id_tokens. They change by themselves every 90 days; no server has to run for this.

    Exit status: 0 done, 1 the database cannot be used, 2 wrong usage or settings.""",
)


@app.command("list", epilog="Example: raylens signing-keys list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """List the keys, the newest first. Private halves are never shown."""
    with _administration() as administration:
        keys = administration.auth.signing_keys.kept()
    described = [_described(key) for key in keys]
    if as_json:
        for key in described:
            typer.echo(json.dumps(key))
    else:
        _print_table(described)


@app.command(epilog="Example: raylens signing-keys rotate")
def rotate(as_json: AsJson = False) -> None:
    """Make the next key now, as after a leak. It signs in ten minutes, when every application can know it."""
    with _administration() as administration:
        id_ = administration.auth.signing_keys.rotate()
    typer.echo(json.dumps({"id": id_}) if as_json else f"The next key is {id_}.")


def _administration() -> "AbstractContextManager[Administration]":
    from serve_app.cli.administration import administration

    return administration("raylens signing-keys")


def _described(key: "SigningKey") -> dict[str, Any]:
    return {
        "generation": key.generation,
        "id": key.id,
        "created_at": _told(key.created_us),
        "signs_from": _told(key.signs_from_us),
        "published_until": None if key.retired_us is None else _told(key.retired_us),
    }


def _told(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat(timespec="seconds")


def _print_table(keys: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(Column("id", no_wrap=True), "signs from", "published until", box=None, pad_edge=False)
    for key in keys:
        until = _short(key["published_until"]) if key["published_until"] else ""
        table.add_row(key["id"], _short(key["signs_from"]), until)
    Console().print(table)


def _short(time: str) -> str:
    """To the minute."""
    return time[:16].replace("T", " ")
