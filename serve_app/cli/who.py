"""Whom a server takes the user for."""

from dataclasses import dataclass

from serve_app.cli.address import Address
from serve_app.cli.bearer import Bearer
from serve_app.cli.failure import Unreachable
from serve_app.cli.plain_text import plain
from serve_app.cli.server import Server


@dataclass(frozen=True, slots=True)
class Who:
    """Name and role are empty where the token does not say them: it lacks the scope ``profile``, or is nobody's."""

    username: str
    role: str
    scopes: tuple[str, ...]


async def who(address: Address, bearer: Bearer | None) -> Who:
    """Ask the server. Raises Unreachable, or SignInNeeded where it does not take the token."""
    async with Server(address, bearer=bearer) as server:
        response = await server.get("/api/v1/session")
    try:
        body = response.json()
        user = body["user"] or {"username": "", "role": ""}
        scopes = tuple(sorted(plain(str(scope)) for scope in body["scopes"]))
        return Who(plain(str(user["username"])), plain(str(user["role"])), scopes)
    except (KeyError, TypeError, ValueError):
        raise Unreachable(f"What answers at {address} is not Raylens, or one without users.") from None
