"""The same request to the original and to us."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

PASSWORD = "plum kettle orbit canyon"
ALICE = {"username": "alice", "password": PASSWORD, "email": "alice@example.org"}
REGISTER = "/auth/users/"
LOGIN = "/auth/token/login/"
LOGOUT = "/auth/token/logout/"
ME = "/auth/users/me/"
SET_PASSWORD = "/auth/users/set_password/"


@dataclass(frozen=True)
class Call:
    """``as_alice``: with her token. ``says``: a JSON body; the rest is httpx's."""

    method: str
    path: str
    says: Any = None
    as_alice: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """For the names of tests."""
        rest = ", ".join(f"{name}={value!r}"[:60] for name, value in self.options.items())
        body = "" if self.says is None else json.dumps(self.says)[:60]
        return f"{self.method} {self.path}{' as alice' * self.as_alice} {body}{rest}".encode(
            "ascii", "replace"
        ).decode()


def post(path: str, says: Any = None, *, as_alice: bool = False, **options: Any) -> Call:
    return Call("POST", path, says, as_alice, options)


@dataclass(frozen=True)
class Reply:
    """What is compared: without what is random (tokens, ids) or has no order (the messages for a field)."""

    status: int
    body: Any
    challenge: str | None
    content_type: str | None

    @classmethod
    def of(cls, response: httpx.Response) -> "Reply":
        content_type = response.headers.get("content-type")
        body = _masked(response.json()) if content_type == "application/json" and response.content else response.text
        return cls(response.status_code, body, response.headers.get("www-authenticate"), content_type)


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: name if name in {"id", "auth_token"} else _masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return sorted((_masked(item) for item in value), key=str)
    return value


class Side:
    """One of the two, and Alice's token there."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.token = ""

    async def ask(self, call: Call) -> httpx.Response:
        headers = {"authorization": f"Token {self.token}"} if call.as_alice else {}
        options = {**call.options, "headers": headers | call.options.get("headers", {})}
        if call.says is not None:
            # Not httpx's own encoder, which refuses half characters.
            options |= {"content": json.dumps(call.says).encode()}
            options["headers"].setdefault("content-type", "application/json")
        return await self.client.request(call.method, call.path, **options)

    async def sign_alice_in(self) -> None:
        reply = await self.ask(post(LOGIN, {"username": ALICE["username"], "password": PASSWORD}))
        self.token = reply.json()["auth_token"]


class Both:
    def __init__(self, theirs: Side, ours: Side) -> None:
        self.theirs = theirs
        self.ours = ours

    async def ask(self, call: Call) -> tuple[Reply, Reply]:
        return Reply.of(await self.theirs.ask(call)), Reply.of(await self.ours.ask(call))

    async def agree_on(self, call: Call) -> Reply:
        """The reply that both give."""
        theirs, ours = await self.ask(call)
        assert ours == theirs, f"\nours:   {ours}\ntheirs: {theirs}"
        return ours
