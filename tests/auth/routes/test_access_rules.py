"""Every operation of the API: nobody gets in who may not, however they come."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from auth.http.permissions import access_rules_of
from auth.principal import API_KEY_SCOPES, CredentialKind, Scope
from tests.auth.application import Application
from tests.auth.routes.browser import OWN, browser, program
from tests.auth.user_factory import UserFactory


@dataclass(frozen=True)
class Operation:
    """``scope`` None: for the person themselves, whatever is lent to others."""

    method: str
    path: str
    scope: Scope | None = None
    body: Any = None
    kinds: tuple[CredentialKind, ...] = ("session", "token")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        """Of something that is not there."""
        return self.path.replace("{id}", "4711").replace("{client_id}", "nobody").replace("{provider}", "nobody")

    async def ask(self, client: httpx.AsyncClient, **headers: str) -> httpx.Response:
        return await client.request(self.method, self.url, json=self.body, headers=headers)


ACCOUNT, ADMIN = "/api/v1/account", "/api/v1/admin"
CLIENT = {"name": "x", "scopes": ["classify"], "grants": ["client_credentials"], "public": False}
OPERATIONS = [
    Operation("GET", ACCOUNT, Scope.PROFILE),
    Operation("PATCH", ACCOUNT, body={}),
    Operation("DELETE", ACCOUNT, body={}),
    Operation("POST", f"{ACCOUNT}/password", body={"new_password": "x"}),
    Operation("GET", f"{ACCOUNT}/export"),
    Operation("GET", f"{ACCOUNT}/activity"),
    Operation("POST", f"{ACCOUNT}/identities/{{provider}}", kinds=("session",)),  # a browser goes there
    Operation("DELETE", f"{ACCOUNT}/identities/{{id}}"),
    Operation("GET", f"{ACCOUNT}/sessions"),
    Operation("DELETE", f"{ACCOUNT}/sessions"),
    Operation("DELETE", f"{ACCOUNT}/sessions/{{id}}"),
    Operation("GET", f"{ACCOUNT}/keys"),
    Operation("POST", f"{ACCOUNT}/keys", body={"name": "x", "scopes": ["classify"], "expires_in_days": 1}),
    Operation("DELETE", f"{ACCOUNT}/keys/{{id}}"),
    Operation("GET", f"{ACCOUNT}/apps"),
    Operation("DELETE", f"{ACCOUNT}/apps/{{client_id}}"),
    Operation("GET", f"{ADMIN}/users", Scope.ADMIN),
    Operation("PATCH", f"{ADMIN}/users/{{id}}", Scope.ADMIN, {}),
    Operation("DELETE", f"{ADMIN}/users/{{id}}", Scope.ADMIN),
    Operation("GET", f"{ADMIN}/clients", Scope.ADMIN),
    Operation("POST", f"{ADMIN}/clients", Scope.ADMIN, CLIENT),
    Operation("GET", f"{ADMIN}/clients/{{id}}", Scope.ADMIN),
    Operation("PATCH", f"{ADMIN}/clients/{{id}}", Scope.ADMIN, {}),
    Operation("DELETE", f"{ADMIN}/clients/{{id}}", Scope.ADMIN),
    Operation("POST", f"{ADMIN}/clients/{{id}}/secret", Scope.ADMIN),
    Operation("GET", f"{ADMIN}/audit", Scope.ADMIN),
]
PUBLIC = {"GET /api/v1/session", "POST /api/v1/session", "DELETE /api/v1/session"}
WRITES = [operation for operation in OPERATIONS if operation.method != "GET"]


async def refused(client: httpx.AsyncClient, operation: Operation, status: int, code: str, **headers: str) -> str:
    """The challenge."""
    reply = await operation.ask(client, **headers)
    assert (reply.status_code, reply.json()["code"]) == (status, code), operation
    return str(reply.headers.get("www-authenticate", ""))


def test_these_are_all(application: Application):
    asking: set[str] = set()
    open_to_all: set[str] = set()
    for route in iter_route_contexts(application.app.routes):
        if (route.path or "").startswith("/api/v1/"):
            named = {f"{method} {route.path_format}" for method in route.methods or ()}
            (asking if access_rules_of(route) else open_to_all).update(named)
    assert asking == set(map(str, OPERATIONS))
    assert open_to_all == PUBLIC


async def test_nobody(client: httpx.AsyncClient):
    for operation in OPERATIONS:
        assert await refused(client, operation, 401, "not_authenticated", **OWN) == "Bearer"


async def test_with_what_is_no_good(client: httpx.AsyncClient):
    for operation in OPERATIONS:
        for authorization in ("Bearer rlk_unknown", "Token rlt_unknown", "Bearer rla_unknown", "Basic x:y", "x"):
            await refused(client, operation, 401, "invalid_token", Authorization=authorization)


async def test_with_a_session_that_has_ended(application: Application):
    async with browser(application, "rls_" + "x" * 43) as client:
        for operation in OPERATIONS:
            await refused(client, operation, 401, "not_authenticated")


async def test_with_a_key_of_all_scopes_but_the_one(application: Application, factory: UserFactory, root: int):
    for scope in {operation.scope for operation in OPERATIONS}:
        async with program(application, factory.issue(root, "key", frozenset(API_KEY_SCOPES - {scope}))) as client:
            for operation in OPERATIONS:
                if operation.scope is None:
                    await refused(client, operation, 403, "not_allowed")
                elif operation.scope == scope:
                    challenge = await refused(client, operation, 403, "insufficient_scope")
                    assert challenge == f'Bearer error="insufficient_scope", scope="{scope}"'


async def test_with_the_session_of_who_is_no_admin(hers: httpx.AsyncClient):
    for operation in OPERATIONS:
        if operation.scope == Scope.ADMIN:
            await refused(hers, operation, 403, "insufficient_scope")


async def test_by_another_sites_doing(application: Application, factory: UserFactory, root: int):
    cookies = {application.auth.cookie.name: factory.issue(root)}
    async with application.client(cookies=cookies) as client:
        for operation in WRITES:
            for headers in (
                {},
                {"Origin": OWN["Origin"]},
                {"X-Requested-With": "raylens"},
                OWN | {"Origin": "https://evil.example"},
                OWN | {"Origin": "null"},
            ):
                await refused(client, operation, 403, "cross_site_request", **headers)
    assert application.auth.audit.entries() == []
    assert factory.credentials.list(root, ["session"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_who_may_gets_in(application: Application, factory: UserFactory, operation: Operation):
    """By session, by token, and where a scope will do by a key; what is asked for may still not be there."""
    for kind in operation.kinds if operation.scope is None else (*operation.kinds, "key"):
        secret = factory.issue(
            factory.add(f"{kind}-user", role="admin"), kind, frozenset(filter(None, [operation.scope]))
        )
        async with browser(application, secret) if kind == "session" else program(application, secret) as client:
            reply = await operation.ask(client)
        assert reply.status_code in {200, 201, 204, 400, 404}, kind


async def test_a_body_too_large_or_no_json(application: Application, factory: UserFactory, root: int):
    async with browser(application, factory.issue(root)) as client:
        for operation in OPERATIONS:
            if operation.body is None:
                continue
            for content, statuses in (
                (b'{"name": "' + b"x" * 70_000 + b'"}', {413}),
                (b"{", {422}),
                (b"[" * 20_000, {400, 422}),
                (b"\xff\xff", {400, 422}),
                (b'{"\\ud800": "\\ud800"}', {422}),
                (b"", {422}),
            ):
                headers = {"Content-Type": "application/json"}
                reply = await client.request(operation.method, operation.url, content=content, headers=headers)
                assert reply.status_code in statuses, (operation, content[:20])
