"""``raylens whoami``."""

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from serve_app.cli.options import InsecureOption, JsonOption, ServerOption, TokenOption

if TYPE_CHECKING:
    from serve_app.cli.address import Address


@dataclass(frozen=True, slots=True)
class _WhoamiOutput:
    """Username and role are None if the token lacks the scope ``profile``. Times are in UTC (RFC 3339)."""

    server: str
    username: str | None
    role: str | None
    scopes: tuple[str, ...]
    credential: str
    """``sign-in``, ``key`` (stored) or ``token`` (of the command line or environment)."""
    since: str | None = None
    ends_at: str | None = None


def whoami_command(
    *,
    server: ServerOption,
    token: TokenOption = "",
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the user, scopes and expiry of your credential for a server.

    Exit status: 0 signed in, 1 not signed in, 2 usage error, 3 server unreachable, 4 the server rejects the
    credential.
    """
    from serve_app.cli.address import Address
    from serve_app.cli.errors import exit_on_error

    with exit_on_error():
        output = asyncio.run(_whoami(Address.parse(server), token, insecure=insecure))
    if as_json:
        typer.echo(json.dumps(asdict(output)))
        return
    lines = {
        "user": f"{output.username} ({output.role})" if output.username else "unknown without the scope profile",
        "server": output.server,
        "scopes": ", ".join(output.scopes),
        "credential": output.credential,
        "since": output.since,
        "until": output.ends_at,
    }
    for name, value in lines.items():
        if value:
            typer.echo(f"{name:<10}  {value}")


async def _whoami(address: "Address", token: str, *, insecure: bool) -> _WhoamiOutput:
    """Raises CommandError."""
    from serve_app.cli.bearer_auth import bearer_auth_for
    from serve_app.cli.credential_store import LocalCredentialStore
    from serve_app.cli.errors import CommandError
    from serve_app.cli.identity import fetch_identity

    auth = bearer_auth_for(address, token, insecure=insecure)
    identity = await fetch_identity(address, auth)
    if auth is None:
        raise CommandError(f"You are not signed in at {address}. Run `raylens login --server {address}`.")
    stored = None if token else LocalCredentialStore().get(address)
    kind = "token" if stored is None else "sign-in" if stored.sign_in else "key"
    sign_in = stored.sign_in if stored else None
    return _WhoamiOutput(
        address.url,
        identity.username or None,
        identity.role or None,
        identity.scopes,
        kind,
        since=_timestamp(sign_in.since if sign_in else None),
        ends_at=_timestamp(sign_in.ends_at if sign_in else None),
    )


def _timestamp(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
