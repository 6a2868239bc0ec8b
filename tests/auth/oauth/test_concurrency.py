"""Clients and users deleted during a request, concurrent consents, and requests that wait for the database."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select

from auth.credentials.lifetimes import to_microseconds
from auth.database import write
from auth.oauth.grants import Grants
from auth.oauth.server import OAuthServer
from auth.tables import oauth_codes, oauth_families, oauth_tokens
from auth.users.repository import get_for_update, write_for_user
from tests.auth.application import Application, create
from tests.auth.databases import both_databases
from tests.auth.oauth.partner import SOURCE, Partner


@both_databases
def test_concurrent_consents_are_merged(application: Application, partner: Partner, database: Engine, alice: int):
    replicas, start = (
        [create(database, application.clock).auth.grants for _ in range(4)],
        threading.Barrier(4, timeout=60),
    )
    scopes = ["classify", "profile", "openid", "classify"]

    def give(grants: Grants, scope: str) -> None:
        start.wait()
        grants.add_consent(alice, partner.client.id, frozenset({scope}))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(give, replicas, scopes))
    assert application.auth.grants.consented_scopes(alice, partner.client.id) == set(scopes)


@pytest.fixture
def delete(application: Application, partner: Partner) -> Callable[[], None]:
    return lambda: application.auth.clients.delete(partner.client.id, actor_id=None, source=SOURCE)


def before(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, happens: Callable[[], None]) -> None:
    """Make something happen just before a method is called."""
    method = getattr(owner, name)

    def later(*arguments: object, **options: object) -> object:
        happens()
        return method(*arguments, **options)

    monkeypatch.setattr(owner, name, later)


@pytest.mark.parametrize(("owner", "name"), [(OAuthServer, "authorize"), (Grants, "authorize")])
async def test_a_client_deleted_before_its_code_is_stored(
    partner: Partner, delete: Callable[[], None], monkeypatch: pytest.MonkeyPatch, owner: type, name: str
):
    page = await partner.authorize()
    before(monkeypatch, owner, name, delete)
    response = await partner.decide(page)
    assert 400 <= response.status_code < 500
    assert "location" not in response.headers


@pytest.mark.parametrize("what", ["redeem", "refresh"])
async def test_a_client_deleted_before_its_tokens_are_issued(
    partner: Partner, delete: Callable[[], None], monkeypatch: pytest.MonkeyPatch, what: str
):
    code, tokens = await partner.code(), await partner.tokens()
    before(monkeypatch, Grants, what, delete)
    response = await (partner.redeem(code) if what == "redeem" else partner.refresh(tokens["refresh_token"]))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


async def test_a_client_deleted_before_its_own_token_is_issued(
    partner: Partner, delete: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    before(monkeypatch, Grants, "issue_client_token", delete)
    response = await partner.token(grant_type="client_credentials")
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@both_databases
@pytest.mark.parametrize("what", ["code", "refresh token"])
async def test_a_request_that_waits_for_the_database_is_a_concurrent_one(
    partner: Partner, database: Engine, alice: int, monkeypatch: pytest.MonkeyPatch, what: str
):
    code, clock = await partner.code(), partner.application.clock
    tokens = {} if what == "code" else (await partner.redeem(code)).json()
    used = (oauth_codes if what == "code" else oauth_tokens).update().values(used_us=to_microseconds(clock()))
    began = threading.Event()
    monkeypatch.setattr("auth.oauth.grants.write", _announcing(write, began))
    monkeypatch.setattr("auth.oauth.grants.write_for_user", _announcing(write_for_user, began))
    with database.execution_options(writes=True).begin() as connection:
        get_for_update(connection, alice)
        connection.execute(used)
        use = partner.redeem(code) if what == "code" else partner.refresh(tokens["refresh_token"])
        request = asyncio.create_task(use)
        await asyncio.to_thread(began.wait, 60)
        clock.forward(20)
    assert (await request).status_code == 400
    with database.connect() as connection:
        assert connection.scalars(select(oauth_families.c.revoked_us)).all() == [None]


def _announcing(transaction: Callable[..., object], began: threading.Event) -> Callable[..., object]:
    def run(*arguments: object) -> object:
        began.set()
        return transaction(*arguments)

    return run


@both_databases
async def test_no_token_outlives_a_user_who_is_deleted_meanwhile(
    partner: Partner, application: Application, alice: int
):
    tokens = [await partner.tokens() for _ in range(4)]
    codes = [await partner.code() for _ in range(4)]
    deletion = asyncio.to_thread(application.auth.accounts.delete, alice, actor_id=4711, source=SOURCE)
    refreshed = [partner.refresh(each["refresh_token"]) for each in tokens]
    redeemed = [partner.redeem(code) for code in codes]
    deleted = asyncio.create_task(deletion)
    replies = await asyncio.gather(*refreshed, *redeemed)
    await deleted
    assert {reply.status_code for reply in replies} <= {200, 400}
    issued = [reply.json() for reply in replies if reply.status_code == 200]
    for each in (*tokens, *issued):
        assert not await partner.is_accepted(each["access_token"])
        assert (await partner.refresh(each["refresh_token"])).status_code == 400
