"""Every operation of the API rejects requests without permission, whatever their credential."""

from dataclasses import dataclass
from typing import Any

import httpx
from fastapi.routing import iter_route_contexts
from httpx import AsyncClient

from auth.http.permissions import access_rules_of
from auth.principal import API_KEY_SCOPES, CredentialKind, Scope
from tests.auth.application import Application, shared_routes
from tests.auth.routes.browser import OWN, api_client, browser
from tests.auth.user_factory import UserFactory


@dataclass(frozen=True)
class Operation:
    """``scope`` None: first-party credentials only."""

    method: str
    path: str
    scope: Scope | None = None
    body: Any = None
    kinds: tuple[CredentialKind, ...] = ("session", "token")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        """Of a resource that does not exist."""
        return self.path.replace("{id}", "4711").replace("{client_id}", "nobody").replace("{provider}", "nobody")

    async def send(self, client: AsyncClient, **headers: str) -> httpx.Response:
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
    Operation("GET", f"{ACCOUNT}/devices"),
    Operation("DELETE", f"{ACCOUNT}/devices/{{id}}"),
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


async def challenge_of(client: AsyncClient, operation: Operation, status: int, code: str, **headers: str) -> str:
    """The challenge of the expected rejection."""
    reply = await operation.send(client, **headers)
    assert (reply.status_code, reply.json()["code"]) == (status, code), operation
    return str(reply.headers.get("www-authenticate", ""))


def test_the_list_of_operations_is_complete():
    protected: set[str] = set()
    open_to_all: set[str] = set()
    for route in iter_route_contexts(shared_routes().routes):
        if (route.path or "").startswith("/api/v1/"):
            named = {f"{method} {route.path_format}" for method in route.methods or ()}
            (protected if access_rules_of(route) else open_to_all).update(named)
    assert protected == set(map(str, OPERATIONS))
    assert open_to_all == PUBLIC


async def test_without_credentials(client: AsyncClient):
    for operation in OPERATIONS:
        assert await challenge_of(client, operation, 401, "not_authenticated", **OWN) == "Bearer"


async def test_with_invalid_credentials(client: AsyncClient):
    for operation in OPERATIONS:
        for authorization in ("Bearer rlk_unknown", "Token rlt_unknown", "Bearer rla_unknown", "Basic x:y", "x"):
            await challenge_of(client, operation, 401, "invalid_token", Authorization=authorization)


async def test_with_an_expired_session(application: Application):
    async with browser(application, "rls_" + "x" * 43) as client:
        for operation in OPERATIONS:
            await challenge_of(client, operation, 401, "not_authenticated")


async def test_with_an_api_key_without_the_scope(application: Application, factory: UserFactory, root: int):
    for scope in {operation.scope for operation in OPERATIONS}:
        async with api_client(application, factory.issue(root, "key", frozenset(API_KEY_SCOPES - {scope}))) as client:
            for operation in OPERATIONS:
                if operation.scope is None:
                    await challenge_of(client, operation, 403, "not_allowed")
                elif operation.scope == scope:
                    challenge = await challenge_of(client, operation, 403, "insufficient_scope")
                    assert challenge == f'Bearer error="insufficient_scope", scope="{scope}"'


async def test_with_the_session_of_a_user_who_is_no_admin(alice_client: AsyncClient):
    for operation in OPERATIONS:
        if operation.scope == Scope.ADMIN:
            await challenge_of(alice_client, operation, 403, "insufficient_scope")


async def test_cross_site_writes(application: Application, factory: UserFactory, root: int):
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
                await challenge_of(client, operation, 403, "cross_site_request", **headers)
    assert application.auth.audit.entries() == []
    assert factory.credentials.list(root, ["session"])


async def test_every_operation_is_open_to_those_with_permission(application: Application, factory: UserFactory):
    """By session, by token, and by API key if a scope suffices. What an operation refers to may not exist."""
    for number, operation in enumerate(OPERATIONS):
        for kind in operation.kinds if operation.scope is None else (*operation.kinds, "key"):
            user_id = factory.add(f"{kind}-{number}", role="admin")
            secret = factory.issue(user_id, kind, frozenset(filter(None, [operation.scope])))
            async with browser(application, secret) if kind == "session" else api_client(application, secret) as client:
                reply = await operation.send(client)
            assert reply.status_code in {200, 201, 204, 400, 404}, (str(operation), kind)


async def test_bodies_that_are_too_large_or_no_json(application: Application, factory: UserFactory, root: int):
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
