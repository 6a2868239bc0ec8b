"""``raylens login``."""

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from serve_app.cli.options import DEFAULT_SERVER, Insecure, ServerUrl

if TYPE_CHECKING:
    from serve_app.cli.address import Address
    from serve_app.cli.credential import Credential

SCOPES = ("classify", "history:read", "history:write", "profile")
LONGEST_KEY = 4096


def login(
    *,
    server: ServerUrl = DEFAULT_SERVER,
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What the sign-in may be used for; repeat it for more. If left out: {', '.join(SCOPES)}."),
    ] = None,
    browser: Annotated[
        bool, typer.Option(help="Open a browser here. Without: sign in with one anywhere, paste where it ends.")
    ] = True,
    with_token: Annotated[
        bool, typer.Option("--with-token", help="Store an API key instead: asked for, or read from standard input.")
    ] = False,
    insecure: Insecure = False,
) -> None:
    """Sign in at a server, so that the other commands work there in your name.

    What comes of it is kept for this server in your configuration folder, readable by you alone, and renewed by itself.

    Exit status: 0 signed in, 1 not signed in, 2 wrong usage, 3 there is no server, 4 the server does not take the key.
    """
    from serve_app.cli.address import Address
    from serve_app.cli.failure import WrongUsage, one_line

    with one_line():
        address = Address.parse(server)
        if with_token and (scope or not browser):
            raise WrongUsage("An API key has its scopes already and needs no browser: give --with-token alone.")
        if with_token:
            credential = asyncio.run(_with_key(address, _read_key(), insecure=insecure))
        else:
            credential = asyncio.run(_with_browser(address, tuple(scope or SCOPES), browser=browser))
    name = f" as {credential.username}" if credential.username else ""
    typer.echo(f"Signed in at {address}{name}: {', '.join(credential.scopes) or 'nothing is allowed'}.")
    if os.environ.get("RAYLENS_TOKEN"):
        typer.echo("RAYLENS_TOKEN is set, and goes before this.", err=True)


async def _with_browser(address: "Address", scopes: tuple[str, ...], *, browser: bool) -> "Credential":
    from serve_app.cli.sign_in import sign_in

    credential = await sign_in(address, scopes, browser=browser, tell=lambda line: typer.echo(line, err=True))
    return await _keep(address, credential)


async def _with_key(address: "Address", key: str, *, insecure: bool) -> "Credential":
    from serve_app.cli.bearer import checked, refuse_open_way
    from serve_app.cli.credential import Credential

    refuse_open_way(address, insecure=insecure)
    return await _keep(address, Credential(server=address.url, token=checked(key), username="", scopes=()))


async def _keep(address: "Address", credential: "Credential") -> "Credential":
    """Store a credential once the server has said whose it is, and end the one it replaces."""
    from serve_app.cli.authorization_server import end
    from serve_app.cli.bearer import Token
    from serve_app.cli.credential_store import CredentialStore
    from serve_app.cli.failure import Failure
    from serve_app.cli.who import who

    known = await who(address, Token(credential.token, f"{address} does not take this token."))
    credential = credential.model_copy(update={"username": known.username, "scopes": known.scopes})
    store = CredentialStore()
    async with store.locked(address):
        previous = None
        with contextlib.suppress(Failure):  # one that cannot be read is replaced, too
            previous = store.get(address)
        store.put(credential)
    if previous:
        with contextlib.suppress(Failure):
            await end(address, previous)
    return credential


def _read_key() -> str:
    """From a prompt without echo, or a pipe: an argument would be seen by all users of this machine."""
    if sys.stdin.isatty():
        return str(typer.prompt("API key", hide_input=True, err=True))
    return sys.stdin.read(LONGEST_KEY)
