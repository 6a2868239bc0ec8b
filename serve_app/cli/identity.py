"""The identity that a server derives from a credential."""

from dataclasses import dataclass

from serve_app.cli.address import Address
from serve_app.cli.bearer_auth import BearerAuth
from serve_app.cli.errors import ServerUnreachable
from serve_app.cli.server_client import ServerClient
from serve_app.cli.terminal_text import printable_line


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Username and role are empty for anonymous clients and for tokens without the scope ``profile``."""

    username: str
    role: str
    scopes: tuple[str, ...]


async def fetch_identity(address: Address, auth: BearerAuth | None) -> ServerIdentity:
    """Ask the server. Raises ServerUnreachable, or AccessDenied if it rejects the token."""
    async with ServerClient(address, auth=auth) as server:
        response = await server.get("/api/v1/session")
    try:
        body = response.json()
        user = body["user"] or {"username": "", "role": ""}
        scopes = tuple(sorted(printable_line(str(scope)) for scope in body["scopes"]))
        return ServerIdentity(printable_line(str(user["username"])), printable_line(str(user["role"])), scopes)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ServerUnreachable(f"The server at {address} is not Raylens, or has no users.") from None
