"""``raylens login``."""

import asyncio
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from serve_app.cli.options import InsecureOption, JsonOption, ServerOption

if TYPE_CHECKING:
    from serve_app.cli.address import Address
    from serve_app.cli.credential import StoredCredential

DEFAULT_SCOPES: Final = ("classify", "history:read", "history:write", "profile")
_MAX_KEY_LENGTH: Final = 4096


def login_command(
    *,
    server: ServerOption,
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"Scope of the sign-in; can be repeated. Default: {', '.join(DEFAULT_SCOPES)}."),
    ] = None,
    browser: Annotated[
        bool,
        typer.Option(help="Open a browser on this machine; otherwise use any browser and paste its last address."),
    ] = True,
    with_token: Annotated[
        bool, typer.Option("--with-token", help="Store an API key, read from a prompt or standard input.")
    ] = False,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign in to a server, so that the other commands authenticate as you.

    The credential is stored in your configuration folder, readable only by you, and is refreshed automatically.

    Exit status: 0 signed in, 1 not signed in, 2 usage error, 3 server unreachable, 4 the server rejects the key.
    """
    from serve_app.cli.address import Address
    from serve_app.cli.errors import UsageError, exit_on_error

    with exit_on_error():
        address = Address.parse(server)
        if with_token and (scope or not browser):
            raise UsageError("--with-token cannot be combined with --scope or --no-browser: an API key has its scopes.")
        if with_token:
            credential = _api_key(address, insecure=insecure)
        else:
            credential = _browser_sign_in(address, tuple(scope or DEFAULT_SCOPES), browser=browser)
        credential = asyncio.run(_store(address, credential))
    if as_json:
        scopes = list(credential.scopes)
        typer.echo(json.dumps({"server": address.url, "username": credential.username or None, "scopes": scopes}))
    else:
        name = f" as {credential.username}" if credential.username else ""
        typer.echo(f"Signed in at {address}{name}: {', '.join(credential.scopes) or 'no scopes'}.")
    if os.environ.get("RAYLENS_TOKEN"):
        typer.echo("RAYLENS_TOKEN is set and takes precedence over this sign-in.", err=True)


def _browser_sign_in(address: "Address", scopes: tuple[str, ...], *, browser: bool) -> "StoredCredential":
    from serve_app.cli.sign_in import sign_in

    return sign_in(address, scopes, browser=browser, print_line=lambda line: typer.echo(line, err=True))


def _api_key(address: "Address", *, insecure: bool) -> "StoredCredential":
    from serve_app.cli.bearer_auth import require_confidential, validated_token
    from serve_app.cli.credential import StoredCredential

    require_confidential(address, insecure=insecure)
    return StoredCredential(server=address.url, token=validated_token(_read_key()), username="", scopes=())


async def _store(address: "Address", credential: "StoredCredential") -> "StoredCredential":
    """Store a credential after the server has confirmed it, and revoke the sign-in that it replaces."""
    from serve_app.cli.authorization_client import revoke_sign_in
    from serve_app.cli.bearer_auth import StaticToken
    from serve_app.cli.credential_store import LocalCredentialStore
    from serve_app.cli.errors import CommandError
    from serve_app.cli.identity import fetch_identity

    identity = await fetch_identity(address, StaticToken(credential.token, f"{address} rejects this token."))
    credential = credential.model_copy(update={"username": identity.username, "scopes": identity.scopes})
    store = LocalCredentialStore()
    with store.locked(address):
        previous = None
        with contextlib.suppress(CommandError):  # an unreadable file is replaced, too
            previous = store.get(address)
        store.put(credential)
    if previous:
        with contextlib.suppress(CommandError):
            revoke_sign_in(address, previous)
    return credential


def _read_key() -> str:
    """Read from a prompt without echo or from a pipe: other users of this machine could see an argument."""
    if sys.stdin.isatty():
        return str(typer.prompt("API key", hide_input=True, err=True))
    return sys.stdin.read(_MAX_KEY_LENGTH)
