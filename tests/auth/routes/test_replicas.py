"""Two replicas on one database: what one revokes, the other rejects within five seconds."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
from httpx import AsyncClient
from sqlalchemy import Engine

from tests.auth.application import PASSWORD, PASSWORD_HASH, Application, create
from tests.auth.routes.browser import api_client, browser
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

ACCOUNT = "/api/v1/account"


@dataclass
class Replicas:
    """Clients with alice's credentials, on this replica and on the other one."""

    user_id: int
    alice_client: AsyncClient
    admin_client: AsyncClient
    here: dict[str, AsyncClient]
    there: dict[str, AsyncClient]
    ids: dict[str, int]

    async def accepted_here(self) -> set[str]:
        return await _accepted(self.here)

    async def accepted_there(self) -> set[str]:
        return await _accepted(self.there)


async def _accepted(clients: dict[str, AsyncClient]) -> set[str]:
    replies = {name: (await client.get(ACCOUNT)).status_code for name, client in clients.items()}
    assert set(replies.values()) <= {200, 401}
    return {name for name, status in replies.items() if status == 200}


@pytest.fixture
async def replicas(
    application: Application, database: Engine, clock: MovableClock, factory: UserFactory
) -> AsyncIterator[Replicas]:
    other = create(database, clock)
    alice = factory.add("alice", password=PASSWORD_HASH)
    root = factory.issue(factory.add("root", role="admin"))
    own = factory.issue(alice)
    secrets = {
        "session": factory.issue(alice),
        "token": factory.issue(alice, "token"),
        "key": factory.issue(alice, "key", frozenset({"profile"})),
    }
    async with AsyncExitStack() as stack:

        async def clients(at: Application) -> dict[str, AsyncClient]:
            return {
                kind: await stack.enter_async_context(
                    browser(at, secret) if kind == "session" else api_client(at, secret)
                )
                for kind, secret in secrets.items()
            }

        yield Replicas(
            alice,
            alice_client=await stack.enter_async_context(browser(application, own)),
            admin_client=await stack.enter_async_context(browser(application, root)),
            here=await clients(application),
            there=await clients(other),
            ids={kind: factory.credential_id(secret) for kind, secret in secrets.items()},
        )


Action = Callable[[Replicas], Awaitable[httpx.Response]]


async def sign_out(replicas: Replicas) -> httpx.Response:
    return await replicas.here["session"].delete("/api/v1/session")


async def revoke_token(replicas: Replicas) -> httpx.Response:
    return await replicas.alice_client.delete(f"{ACCOUNT}/sessions/{replicas.ids['token']}")


async def revoke_other_sessions(replicas: Replicas) -> httpx.Response:
    return await replicas.alice_client.delete(f"{ACCOUNT}/sessions")


async def revoke_key(replicas: Replicas) -> httpx.Response:
    return await replicas.alice_client.delete(f"{ACCOUNT}/keys/{replicas.ids['key']}")


async def change_password(replicas: Replicas) -> httpx.Response:
    change = {"current_password": PASSWORD, "new_password": "a heron over the wet meadow"}
    return await replicas.alice_client.post(f"{ACCOUNT}/password", json=change)


async def delete_account(replicas: Replicas) -> httpx.Response:
    return await replicas.alice_client.request("DELETE", ACCOUNT, json={"current_password": PASSWORD})


async def disable(replicas: Replicas) -> httpx.Response:
    return await replicas.admin_client.patch(f"/api/v1/admin/users/{replicas.user_id}", json={"disabled": True})


async def delete_user(replicas: Replicas) -> httpx.Response:
    return await replicas.admin_client.delete(f"/api/v1/admin/users/{replicas.user_id}")


ALL = {"session", "token", "key"}


@pytest.mark.parametrize(
    ("action", "remain"),
    [
        (sign_out, {"token", "key"}),
        (revoke_token, {"session", "key"}),
        (revoke_other_sessions, {"key"}),
        (revoke_key, {"session", "token"}),
        (change_password, {"key"}),
        (delete_account, set()),
        (disable, set()),
        (delete_user, set()),
    ],
)
async def test_revocations_reach_the_other_replica_within_five_seconds(
    replicas: Replicas, clock: MovableClock, action: Action, remain: set[str]
):
    assert await replicas.accepted_here() == await replicas.accepted_there() == ALL
    reply = await action(replicas)
    assert reply.status_code in {200, 204}
    assert await replicas.accepted_here() == remain
    clock.forward(5)
    assert await replicas.accepted_here() == await replicas.accepted_there() == remain


async def test_a_removed_role_reaches_the_other_replica_within_five_seconds(replicas: Replicas, clock: MovableClock):
    path = f"/api/v1/admin/users/{replicas.user_id}"
    users = "/api/v1/admin/users"
    assert (await replicas.admin_client.patch(path, json={"role": "admin"})).status_code == 200
    assert (await replicas.there["token"].get(users)).status_code == 200
    assert (await replicas.admin_client.patch(path, json={"role": "user"})).status_code == 200
    assert (await replicas.here["token"].get(users)).status_code == 403
    clock.forward(5)
    assert (await replicas.there["token"].get(users)).status_code == 403


async def test_a_new_session_is_valid_on_the_other_replica_at_once(
    application: Application, database: Engine, clock: MovableClock, replicas: Replicas
):
    async with browser(application) as here:
        reply = await here.post("/api/v1/session", json={"username": "alice", "password": PASSWORD})
        secret = reply.cookies["raylens_session"]
    async with browser(create(database, clock), secret) as there:
        assert (await there.get(ACCOUNT)).status_code == 200
