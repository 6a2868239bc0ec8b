"""Sends the same request to Djoser on Django and to Raylens."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import Engine, delete

from auth.tables import auth_metadata
from tests.auth.application import PASSWORD, PASSWORD_HASH, Application
from tests.auth.user_factory import UserFactory

ALICE = {"username": "alice", "password": PASSWORD, "email": "alice@example.org"}
REGISTER = "/auth/users/"
LOGIN = "/auth/token/login/"
LOGOUT = "/auth/token/logout/"
ME = "/auth/users/me/"
SET_PASSWORD = "/auth/users/set_password/"


@dataclass(frozen=True)
class Call:
    """``as_alice``: with alice's token. ``data``: a JSON body. ``options``: of the httpx request."""

    method: str
    path: str
    data: Any = None
    as_alice: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        body = "" if self.data is None else ascii(self.data)[:80]
        rest = ", ".join(f"{name}={value!a}"[:80] for name, value in self.options.items())
        return f"{self.method} {self.path}{' as alice' * self.as_alice} {body}{rest}"


def post(path: str, data: Any = None, *, as_alice: bool = False, **options: Any) -> Call:
    return Call("POST", path, data, as_alice, options)


@dataclass(frozen=True)
class Reply:
    """The compared parts of a response, without random values (tokens, ids) and the order of messages."""

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
    """One of the two services. ``token`` is alice's."""

    def __init__(self, client: httpx.AsyncClient, token: str = "") -> None:
        self.client = client
        self.token = token

    async def send(self, call: Call) -> httpx.Response:
        headers = {"authorization": f"Token {self.token}"} if call.as_alice else {}
        options = {**call.options, "headers": headers | call.options.get("headers", {})}
        if call.data is not None:
            # httpx's own encoder rejects lone surrogates.
            options |= {"content": json.dumps(call.data).encode()}
            options["headers"].setdefault("content-type", "application/json")
        return await self.client.request(call.method, call.path, **options)


class Comparison:
    """``reference`` is Djoser, ``raylens`` the application."""

    def __init__(
        self, reference: httpx.AsyncClient, raylens: httpx.AsyncClient, application: Application, database: Engine
    ) -> None:
        self.reference = Side(reference)
        self.raylens = Side(raylens)
        self._application = application
        self._database = database

    async def reset(self, *, with_alice: bool = False) -> None:
        """Delete all users; with alice, create her and a token on both sides."""
        reply = await self.reference.client.post("/reset/", params=ALICE if with_alice else {})
        with self._database.begin() as connection:
            for table in reversed(auth_metadata.sorted_tables):
                connection.execute(delete(table))
        self._application.clear_cache()
        if with_alice:
            factory = UserFactory(self._database, self._application.clock)
            self.reference.token = reply.json()["token"]
            self.raylens.token = factory.issue(factory.add("alice", password=PASSWORD_HASH), "token")

    async def send(self, call: Call) -> tuple[Reply, Reply]:
        """Their reply and ours."""
        return Reply.of(await self.reference.send(call)), Reply.of(await self.raylens.send(call))

    async def assert_same(self, *calls: Call) -> Reply:
        """The last reply, the same on both sides."""
        for call in calls:
            expected, reply = await self.send(call)
            assert reply == expected, f"{call}\nRaylens: {reply}\nDjoser:  {expected}"
        return reply
