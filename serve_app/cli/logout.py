"""``raylens logout``."""

import asyncio
from typing import TYPE_CHECKING

import typer

from serve_app.cli.options import DEFAULT_SERVER, ServerUrl

if TYPE_CHECKING:
    from serve_app.cli.address import Address


def logout(server: ServerUrl = DEFAULT_SERVER) -> None:
    """End your sign-in at a server, there and here. An API key is only forgotten here.

    Exit status: 0 nobody is signed in now, 2 wrong usage, 3 or 1 forgotten here, but the server could not be told.
    """
    from serve_app.cli.address import Address
    from serve_app.cli.failure import one_line

    with one_line():
        typer.echo(asyncio.run(_logout(Address.parse(server))))


async def _logout(address: "Address") -> str:
    """What became of it."""
    from serve_app.cli.authorization_server import end
    from serve_app.cli.credential_store import CredentialStore
    from serve_app.cli.failure import Failure, Unreachable

    store = CredentialStore()
    async with store.locked(address):
        try:
            credential = store.get(address)
        finally:
            store.forget(address)
    if credential is None:
        return f"Nobody was signed in at {address}."
    if credential.sign_in is None:
        return f"The API key for {address} is forgotten here. It is still good: delete it in the web app if you want."
    try:
        await end(address, credential)
    except Failure as failure:
        kind = Unreachable if isinstance(failure, Unreachable) else Failure
        raise kind(f"Your sign-in is forgotten here, but the server was not told: {failure}") from None
    return f"Signed out at {address}."
