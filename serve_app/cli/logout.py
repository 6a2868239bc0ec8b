"""``raylens logout``."""

import json
from typing import TYPE_CHECKING

import typer

from serve_app.cli.options import JsonOption, ServerOption

if TYPE_CHECKING:
    from serve_app.cli.address import Address
    from serve_app.cli.credential import StoredCredential


def logout_command(server: ServerOption, *, as_json: JsonOption = False) -> None:
    """Sign out from a server and revoke the sign-in there. An API key is only deleted from this machine.

    Exit status: 0 signed out, 1 or 3 deleted from this machine but not revoked on the server, 2 usage error.
    """
    from serve_app.cli.address import Address
    from serve_app.cli.errors import exit_on_error

    with exit_on_error():
        address = Address.parse(server)
        credential = _delete(address)
        revoked = credential is not None and credential.sign_in is not None
        if credential is not None:
            _revoke(address, credential)
    if as_json:
        typer.echo(json.dumps({"server": address.url, "deleted": credential is not None, "revoked": revoked}))
    elif credential is None:
        typer.echo(f"You were not signed in at {address}.")
    elif revoked:
        typer.echo(f"Signed out at {address}.")
    else:
        typer.echo(
            f"The API key for {address} was deleted from this machine. It is still valid: delete it in the web app."
        )


def _delete(address: "Address") -> "StoredCredential | None":
    """Delete the stored credential and return it."""
    from serve_app.cli.credential_store import LocalCredentialStore

    store = LocalCredentialStore()
    with store.locked(address):
        try:
            return store.get(address)
        finally:
            store.delete(address)


def _revoke(address: "Address", credential: "StoredCredential") -> None:
    from serve_app.cli.authorization_client import revoke_sign_in
    from serve_app.cli.errors import CommandError, ServerUnreachable

    try:
        revoke_sign_in(address, credential)
    except CommandError as error:
        kind = ServerUnreachable if isinstance(error, ServerUnreachable) else CommandError
        raise kind(
            f"The sign-in was deleted from this machine, but could not be revoked on the server: {error}"
        ) from None
