"""``raylens signing-keys``: the keys that sign the OAuth server's ID tokens."""

import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from serve_app.cli.options import JsonLinesOption, JsonOption

if TYPE_CHECKING:
    from auth.oauth.signing_keys import SigningKey
    from serve_app.cli.administration import Administration

app = typer.Typer(
    no_args_is_help=True,
    help="""Manage the keys that sign ID tokens, which rotate every 90 days. No running server is needed.

    Exit status: 0 done, 1 database error, 2 usage error or invalid settings.""",
)


@app.command("list", epilog="Example: raylens signing-keys list")
def list_keys_command(
    as_json: JsonLinesOption = False,
) -> None:
    """List the keys, the newest first, without private keys."""
    with _administration() as administration:
        keys = administration.auth.signing_keys.list_keys()
    keys_json = [_key_json(key) for key in keys]
    if as_json:
        for key in keys_json:
            typer.echo(json.dumps(key))
    else:
        _print_table(keys_json)


@app.command("rotate", epilog="Example: raylens signing-keys rotate")
def rotate_command(as_json: JsonOption = False) -> None:
    """Create the next key now, for example after a leak. It signs in ten minutes, once applications can know it."""
    with _administration() as administration:
        id_ = administration.auth.signing_keys.rotate()
    typer.echo(json.dumps({"id": id_}) if as_json else f"The next key is {id_}.")


def _administration() -> "AbstractContextManager[Administration]":
    from serve_app.cli.administration import administration

    return administration("raylens signing-keys")


def _key_json(key: "SigningKey") -> dict[str, Any]:
    return {
        "generation": key.generation,
        "id": key.id,
        "created_at": _timestamp(key.created_us),
        "signs_from": _timestamp(key.signs_from_us),
        "published_until": None if key.retired_us is None else _timestamp(key.retired_us),
    }


def _timestamp(time_us: int) -> str:
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
    """A timestamp to the minute."""
    return time[:16].replace("T", " ")
