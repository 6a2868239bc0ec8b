"""Codes and refresh tokens work once. Reuse revokes the token family."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Engine, select

from auth.audit import RequestSource
from auth.credentials.secret import digest_of
from auth.oauth import token_families
from auth.oauth.grants import Grants, IssuedTokens
from auth.tables import oauth_families, oauth_tokens
from tests.auth.application import Application, create
from tests.auth.databases import both_databases
from tests.auth.oauth.partner import Partner
from tests.clock import MovableClock


def invalid_grant(response: httpx.Response) -> bool:
    return response.status_code == 400 and response.json()["error"] == "invalid_grant"


async def test_a_reused_code_revokes_its_tokens(partner: Partner, alice: int, clock: MovableClock):
    code = await partner.code()
    tokens = (await partner.redeem(code)).json()
    assert await partner.is_accepted(tokens["access_token"])
    clock.forward(1)
    assert invalid_grant(await partner.redeem(code))
    assert not await partner.is_accepted(tokens["access_token"])
    assert invalid_grant(await partner.refresh(tokens["refresh_token"]))
    [entry] = partner.application.auth.audit.entries(event="app.token_reused")
    assert (entry.user_id, entry.client_id, entry.detail) == (alice, partner.client.id, {"reused": "code"})
    assert entry.address == "203.0.113.7"


async def test_a_reused_code_revokes_refreshed_tokens(partner: Partner, clock: MovableClock):
    code = await partner.code()
    tokens = (await partner.redeem(code)).json()
    clock.forward(3600)
    renewed = (await partner.refresh(tokens["refresh_token"])).json()
    assert invalid_grant(await partner.redeem(code))
    assert not await partner.is_accepted(renewed["access_token"])


async def test_other_authorizations_stay_valid(partner: Partner, clock: MovableClock):
    other = await partner.tokens()
    code = await partner.code()
    await partner.redeem(code)
    clock.forward(1)
    assert invalid_grant(await partner.redeem(code))
    assert await partner.is_accepted(other["access_token"])


async def test_refresh_tokens_rotate(partner: Partner, clock: MovableClock):
    tokens = await partner.tokens()
    seen = {tokens["refresh_token"], tokens["access_token"]}
    for _ in range(3):
        clock.forward(3600)
        assert not await partner.is_accepted(tokens["access_token"])
        tokens = (await partner.refresh(tokens["refresh_token"])).json()
        assert await partner.is_accepted(tokens["access_token"])
        assert not seen & {tokens["refresh_token"], tokens["access_token"]}
        seen |= {tokens["refresh_token"], tokens["access_token"]}


async def test_a_repeated_request_with_a_code_is_only_rejected(partner: Partner, clock: MovableClock):
    code = await partner.code()
    tokens = (await partner.redeem(code)).json()
    clock.forward(0.9)
    assert invalid_grant(await partner.redeem(code))
    assert await partner.is_accepted(tokens["access_token"])
    assert (await partner.refresh(tokens["refresh_token"])).status_code == 200
    assert partner.application.auth.audit.entries(event="app.token_reused") == []


async def test_a_repeated_request_is_only_rejected(partner: Partner, clock: MovableClock):
    tokens = await partner.tokens()
    renewed = (await partner.refresh(tokens["refresh_token"])).json()
    clock.forward(9.9)
    assert invalid_grant(await partner.refresh(tokens["refresh_token"]))
    assert await partner.is_accepted(renewed["access_token"])
    assert (await partner.refresh(renewed["refresh_token"])).status_code == 200
    assert partner.application.auth.audit.entries(event="app.token_reused") == []


async def test_later_reuse_revokes_the_family(partner: Partner, alice: int, clock: MovableClock):
    tokens = await partner.tokens()
    renewed = (await partner.refresh(tokens["refresh_token"])).json()
    clock.forward(10)
    assert invalid_grant(await partner.refresh(tokens["refresh_token"]))
    assert not await partner.is_accepted(renewed["access_token"])
    assert invalid_grant(await partner.refresh(renewed["refresh_token"]))
    assert invalid_grant(await partner.refresh(tokens["refresh_token"]))
    [entry] = partner.application.auth.audit.entries(event="app.token_reused")
    assert (entry.user_id, entry.detail) == (alice, {"reused": "refresh token"})


async def test_refreshing_ends_after_fourteen_days(partner: Partner, clock: MovableClock):
    tokens = await partner.tokens()
    for day in range(1, 14):
        clock.forward(86_400)
        tokens = (await partner.refresh(tokens["refresh_token"])).json()
        assert tokens["refresh_token_expires_in"] == (14 - day) * 86_400
    clock.forward(86_400 - 1)
    last = (await partner.refresh(tokens["refresh_token"])).json()
    assert last["expires_in"] == 1, "an access token expires with its family"
    assert await partner.is_accepted(last["access_token"])
    clock.forward(1)
    assert not await partner.is_accepted(last["access_token"])
    assert invalid_grant(await partner.refresh(last["refresh_token"]))


@both_databases
async def test_one_of_four_concurrent_requests_with_a_code_succeeds(partner: Partner, clock: MovableClock):
    code = await partner.code()
    replies = await asyncio.gather(*(partner.redeem(code) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 400, 400, 400]
    assert all(invalid_grant(reply) for reply in replies if reply.status_code != 200)
    [good] = [reply.json() for reply in replies if reply.status_code == 200]
    assert await partner.is_accepted(good["access_token"])
    assert (await partner.refresh(good["refresh_token"])).status_code == 200
    clock.forward(1)
    assert invalid_grant(await partner.redeem(code))
    assert not await partner.is_accepted(good["access_token"]), "a later request may be a thief's"


@both_databases
async def test_one_of_four_concurrent_requests_with_a_refresh_token_succeeds(partner: Partner):
    tokens = await partner.tokens()
    replies = await asyncio.gather(*(partner.refresh(tokens["refresh_token"]) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 400, 400, 400]
    [good] = [reply.json() for reply in replies if reply.status_code == 200]
    assert await partner.is_accepted(good["access_token"])
    assert (await partner.refresh(good["refresh_token"])).status_code == 200


@both_databases
@pytest.mark.parametrize("what", ["code", "refresh token"])
async def test_one_of_four_replicas_succeeds(application: Application, partner: Partner, database: Engine, what: str):
    """All of them find the secret valid before the first uses it."""
    replicas = [create(database, application.clock).auth.grants for _ in range(4)]
    code = await partner.code()
    secret = code if what == "code" else (await partner.redeem(code)).json()["refresh_token"]
    codes = [grants.codes.find(code, partner.client.id) for grants in replicas]
    assert all(codes if what == "code" else [grants.tokens.find(secret) for grants in replicas])
    digest, start = digest_of(secret), threading.Barrier(4, timeout=60)

    def use(grants: Grants) -> IssuedTokens | None:
        start.wait()
        if what == "code":
            assert codes[0]
            return grants.redeem(codes[0], refreshable=True, source=RequestSource())
        return grants.refresh(digest, None, source=RequestSource())

    with ThreadPoolExecutor(4) as pool:
        issued = [result for result in pool.map(use, replicas) if result]
    assert len(issued) == 1
    with database.connect() as connection:
        kinds = [row.kind for row in connection.execute(select(oauth_tokens))]
        [family] = connection.execute(select(oauth_families)).all()
    assert sorted(kinds) == (["access", "refresh"] if what == "code" else ["access", "access", "refresh", "refresh"])
    assert family.revoked_us is None


async def test_reuse_of_a_code_is_detected_as_long_as_its_family_exists(partner: Partner, clock: MovableClock):
    code = await partner.code()
    tokens = (await partner.redeem(code)).json()
    clock.forward(86_400)
    partner.application.auth.sweep()
    assert invalid_grant(await partner.redeem(code))
    assert invalid_grant(await partner.refresh(tokens["refresh_token"]))


@both_databases
async def test_a_further_authorization_ends_the_oldest(
    partner: Partner, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
):
    """Only codes that were redeemed count: a page could request any number of them."""
    monkeypatch.setattr(token_families, "MAX_FAMILIES", 2)
    tokens = []
    for _ in range(2):
        tokens.append(await partner.tokens())
        clock.forward(1)
    codes = [await partner.code() for _ in range(5)]
    assert [await partner.is_accepted(each["access_token"]) for each in tokens] == [True, True]
    tokens.append((await partner.redeem(codes[0])).json())
    assert [await partner.is_accepted(each["access_token"]) for each in tokens] == [False, True, True]


async def test_few_used_refresh_tokens_are_remembered(
    partner: Partner, database: Engine, monkeypatch: pytest.MonkeyPatch
):
    """A client may refresh as often as it likes."""
    monkeypatch.setattr("auth.oauth.tokens.MAX_USED_REFRESH_TOKENS", 2)
    tokens = await partner.tokens()
    for _ in range(6):
        tokens = (await partner.refresh(tokens["refresh_token"])).json()
    with database.connect() as connection:
        kinds = [row.kind for row in connection.execute(select(oauth_tokens))]
    assert kinds.count("refresh") <= 2 + 1
