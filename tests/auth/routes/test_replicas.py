"""Two replicas on one database: what one ends, the other lets in for five seconds more and no longer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
from httpx import AsyncClient
from sqlalchemy import Engine

from auth.audit import RequestSource
from tests.auth.application import Application, create
from tests.auth.routes.browser import api_client, browser
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

PASSWORD = "plum kettle orbit canyon"
ACCOUNT = "/api/v1/account"


@dataclass
class Scene:
    """Alice's ways in, each here and there; ``alice_client`` is the browser in which she does something, here."""

    user_id: int
    alice_client: AsyncClient
    admin_client: AsyncClient
    here: dict[str, AsyncClient]
    there: dict[str, AsyncClient]
    ids: dict[str, int]

    async def let_in_here(self) -> set[str]:
        return await _let_in(self.here)

    async def let_in_there(self) -> set[str]:
        return await _let_in(self.there)


async def _let_in(clients: dict[str, AsyncClient]) -> set[str]:
    replies = {name: (await client.get(ACCOUNT)).status_code for name, client in clients.items()}
    assert set(replies.values()) <= {200, 401}
    return {name for name, status in replies.items() if status == 200}


@pytest.fixture
async def scene(
    application: Application, database: Engine, clock: MovableClock, factory: UserFactory
) -> AsyncIterator[Scene]:
    elsewhere = create(database, clock)
    alice = application.auth.accounts.register("alice", PASSWORD, source=RequestSource()).id
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

        yield Scene(
            alice,
            alice_client=await stack.enter_async_context(browser(application, own)),
            admin_client=await stack.enter_async_context(browser(application, root)),
            here=await clients(application),
            there=await clients(elsewhere),
            ids={kind: factory.credential_id(secret) for kind, secret in secrets.items()},
        )


Act = Callable[[Scene], Awaitable[httpx.Response]]


async def signs_out(scene: Scene) -> httpx.Response:
    return await scene.here["session"].delete("/api/v1/session")


async def ends_a_token(scene: Scene) -> httpx.Response:
    return await scene.alice_client.delete(f"{ACCOUNT}/sessions/{scene.ids['token']}")


async def signs_out_elsewhere(scene: Scene) -> httpx.Response:
    return await scene.alice_client.delete(f"{ACCOUNT}/sessions")


async def ends_a_key(scene: Scene) -> httpx.Response:
    return await scene.alice_client.delete(f"{ACCOUNT}/keys/{scene.ids['key']}")


async def changes_the_password(scene: Scene) -> httpx.Response:
    change = {"current_password": PASSWORD, "new_password": "a heron over the wet meadow"}
    return await scene.alice_client.post(f"{ACCOUNT}/password", json=change)


async def leaves(scene: Scene) -> httpx.Response:
    return await scene.alice_client.request("DELETE", ACCOUNT, json={"current_password": PASSWORD})


async def is_disabled(scene: Scene) -> httpx.Response:
    return await scene.admin_client.patch(f"/api/v1/admin/users/{scene.user_id}", json={"disabled": True})


async def is_deleted(scene: Scene) -> httpx.Response:
    return await scene.admin_client.delete(f"/api/v1/admin/users/{scene.user_id}")


ALL = {"session", "token", "key"}


@pytest.mark.parametrize(
    ("act", "remain"),
    [
        (signs_out, {"token", "key"}),
        (ends_a_token, {"session", "key"}),
        (signs_out_elsewhere, {"key"}),
        (ends_a_key, {"session", "token"}),
        (changes_the_password, {"key"}),
        (leaves, set()),
        (is_disabled, set()),
        (is_deleted, set()),
    ],
)
async def test_what_is_ended_here_has_ended_there_in_five_seconds(
    scene: Scene, clock: MovableClock, act: Act, remain: set[str]
):
    assert await scene.let_in_here() == await scene.let_in_there() == ALL
    reply = await act(scene)
    assert reply.status_code in {200, 204}
    assert await scene.let_in_here() == remain
    clock.forward(5)
    assert await scene.let_in_here() == await scene.let_in_there() == remain


async def test_a_role_taken_here_is_gone_there_in_five_seconds(scene: Scene, clock: MovableClock):
    path = f"/api/v1/admin/users/{scene.user_id}"
    users = "/api/v1/admin/users"
    assert (await scene.admin_client.patch(path, json={"role": "admin"})).status_code == 200
    assert (await scene.there["token"].get(users)).status_code == 200
    assert (await scene.admin_client.patch(path, json={"role": "user"})).status_code == 200
    assert (await scene.here["token"].get(users)).status_code == 403
    clock.forward(5)
    assert (await scene.there["token"].get(users)).status_code == 403


async def test_a_session_begun_here_is_known_there_at_once(
    application: Application, database: Engine, clock: MovableClock, scene: Scene
):
    async with browser(application) as here:
        reply = await here.post("/api/v1/session", json={"username": "alice", "password": PASSWORD})
        secret = reply.cookies["raylens_session"]
    async with browser(create(database, clock), secret) as there:
        assert (await there.get(ACCOUNT)).status_code == 200
