"""``raylens whoami``."""

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from serve_app.cli.options import DEFAULT_SERVER, AsJson, Insecure, ServerUrl, Token

if TYPE_CHECKING:
    from serve_app.cli.address import Address


@dataclass(frozen=True, slots=True)
class Identity:
    """Name and role are None where the token lacks the scope ``profile``. Times are UTC as in RFC 3339."""

    server: str
    username: str | None
    role: str | None
    scopes: tuple[str, ...]
    credential: str
    """``sign-in``, ``key`` (stored) or ``token`` (of the command line or environment)."""
    since: str | None = None
    ends_at: str | None = None


def whoami(
    *, server: ServerUrl = DEFAULT_SERVER, token: Token = "", insecure: Insecure = False, as_json: AsJson = False
) -> None:
    """Show who you are at a server, what you may do there and until when.

    Exit status: 0 signed in, 1 not signed in, 2 wrong usage, 3 there is no server, 4 the server takes the sign-in or
    token no more.
    """
    from serve_app.cli.address import Address
    from serve_app.cli.failure import one_line

    with one_line():
        identity = asyncio.run(_identity(Address.parse(server), token, insecure=insecure))
    if as_json:
        typer.echo(json.dumps(asdict(identity)))
        return
    lines = {
        "user": f"{identity.username} ({identity.role})" if identity.username else "not told without the scope profile",
        "server": identity.server,
        "scopes": ", ".join(identity.scopes),
        "credential": identity.credential,
        "since": identity.since,
        "until": identity.ends_at,
    }
    for name, value in lines.items():
        if value:
            typer.echo(f"{name:<10}  {value}")


async def _identity(address: "Address", token: str, *, insecure: bool) -> Identity:
    """Raises SignInNeeded or another Failure."""
    from serve_app.cli.bearer import bearer_of
    from serve_app.cli.credential_store import CredentialStore
    from serve_app.cli.failure import Failure
    from serve_app.cli.who import who

    bearer = bearer_of(address, token, insecure=insecure)
    known = await who(address, bearer)
    if bearer is None:
        raise Failure(f"Nobody is signed in at {address}. Run `raylens login --server {address}`.")
    stored = None if token else CredentialStore().get(address)
    kind = "token" if stored is None else "sign-in" if stored.sign_in else "key"
    sign_in = stored.sign_in if stored else None
    return Identity(
        address.url,
        known.username or None,
        known.role or None,
        known.scopes,
        kind,
        since=_told(sign_in.since if sign_in else None),
        ends_at=_told(sign_in.ends_at if sign_in else None),
    )


def _told(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
