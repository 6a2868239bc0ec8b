"""Revocation by clients (RFC 7009), users and administrators."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, select, update

from auth.credentials.lifetimes import to_microseconds
from auth.database import write
from auth.errors import ResourceNotFound
from auth.tables import oauth_codes, oauth_consents, oauth_families, oauth_tokens, users
from tests.auth.application import Application
from tests.auth.databases import both_databases
from tests.auth.oauth.partner import SOURCE, Partner
from tests.auth.user_factory import UserFactory
from tests.clock import START, MovableClock


async def test_revoking_an_access_token(partner: Partner):
    tokens = await partner.tokens()
    assert await partner.is_accepted(tokens["access_token"])
    response = await partner.revoke(tokens["access_token"])
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert not await partner.is_accepted(tokens["access_token"])
    assert (await partner.refresh(tokens["refresh_token"])).status_code == 200


async def test_revocation_clears_the_cache(partner: Partner):
    tokens = await partner.tokens()
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await partner.browser.get("/oauth/userinfo", headers=header)).status_code == 403
    await partner.revoke(tokens["access_token"])
    assert (await partner.browser.get("/oauth/userinfo", headers=header)).status_code == 401


async def test_revoking_a_refresh_token_revokes_its_family(partner: Partner):
    tokens = await partner.tokens()
    assert (await partner.revoke(tokens["refresh_token"])).status_code == 200
    assert not await partner.is_accepted(tokens["access_token"])
    assert (await partner.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_revocation_by_a_public_client(application: Application, partner: Partner):
    public = Partner.register(application, partner.browser, public=True)
    tokens = await public.tokens()
    assert (await public.revoke(tokens["refresh_token"])).status_code == 200
    assert not await public.is_accepted(tokens["access_token"])


async def test_revoking_again(partner: Partner):
    tokens = await partner.tokens()
    for _ in range(2):
        for name in ("access_token", "refresh_token"):
            assert (await partner.revoke(tokens[name])).status_code == 200


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
async def test_the_token_of_another_client_cannot_be_revoked(application: Application, partner: Partner, name: str):
    other = Partner.register(application, partner.browser)
    tokens = await partner.tokens()
    response = await other.revoke(tokens[name])
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    assert await partner.is_accepted(tokens["access_token"])
    assert not await other.is_active(tokens[name])


@both_databases
async def test_revoking_consent(application: Application, partner: Partner, alice: int):
    tokens, more = await partner.tokens(), await partner.tokens()
    other = Partner.register(application, partner.browser)
    others = await other.tokens()
    application.auth.grants.revoke_consent(alice, partner.client.id, source=SOURCE)
    assert not await partner.is_accepted(tokens["access_token"])
    assert not await partner.is_accepted(more["access_token"])
    assert await partner.is_accepted(others["access_token"])
    assert (await partner.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await partner.authorize()).status_code == 200, "consent is needed again"
    with pytest.raises(ResourceNotFound):
        application.auth.grants.revoke_consent(alice, partner.client.id, source=SOURCE)
    [entry] = application.auth.audit.entries(event="app.revoked")
    assert (entry.user_id, entry.client_id) == (alice, partner.client.id)


@both_databases
async def test_listing_consents(
    application: Application, partner: Partner, factory: UserFactory, alice: int, clock: MovableClock
):
    await partner.code()
    clock.forward(30)
    later = Partner.register(application, partner.browser, name="Later", uri="https://later.example/")
    code = await later.code(scope="classify")
    clock.forward(30)
    await later.redeem(code)
    newest, oldest = application.auth.grants.consents(alice)
    assert (oldest.client_id, oldest.name) == (partner.client.id, "Partner")
    assert (newest.name, newest.uri) == ("Later", "https://later.example/")
    assert [oldest.scopes, newest.scopes] == [{"classify", "profile"}, {"classify"}]
    assert newest.created_us == to_microseconds(START + 30)
    assert newest.seen_us == to_microseconds(START + 60)
    assert application.auth.grants.consents(factory.add("bob")) == []


Change = Callable[[Application, Partner, UserFactory], None]


def _set(**values: object) -> Change:
    def change(_application: Application, _partner: Partner, factory: UserFactory) -> None:
        write(factory.engine, lambda connection: connection.execute(update(users).values(values)))

    return change


def _disable_client(application: Application, partner: Partner, _people: UserFactory) -> None:
    application.auth.clients.update(partner.client.id, disabled=True, actor_id=None, source=SOURCE)


def _delete_client(application: Application, partner: Partner, _people: UserFactory) -> None:
    application.auth.clients.delete(partner.client.id, actor_id=None, source=SOURCE)


@pytest.mark.parametrize(
    "change",
    [_set(disabled_us=1), _set(deleted_us=1), _disable_client, _delete_client],
    ids=["user disabled", "user deleted", "application disabled", "application deleted"],
)
async def test_tokens_of_disabled_or_deleted_users_and_clients(
    application: Application, partner: Partner, factory: UserFactory, change: Change
):
    code, tokens = await partner.code(), await partner.tokens()
    change(application, partner, factory)
    assert not await partner.is_accepted(tokens["access_token"])
    for response in (await partner.redeem(code), await partner.refresh(tokens["refresh_token"])):
        assert response.json()["error"] in {"invalid_grant", "invalid_client"}


async def test_removed_scopes_take_effect_immediately(application: Application, partner: Partner, factory: UserFactory):
    tool = Partner.register(application, partner.browser, scopes=["classify", "profile", "admin"])
    tool.browser.cookies.set(application.auth.cookie.name, factory.issue(factory.add("root", role="admin")))
    tokens = await tool.tokens(scope="classify profile admin")
    _set(role="user")(application, tool, factory)
    assert (await tool.introspect(tokens["access_token"])).json()["scope"] == "classify profile"
    application.auth.clients.update(tool.client.id, scopes=["classify"], actor_id=None, source=SOURCE)
    assert (await tool.introspect(tokens["access_token"])).json()["scope"] == "classify"
    assert (await tool.refresh(tokens["refresh_token"])).json()["scope"] == "classify"


@both_databases
async def test_the_sweep_deletes_expired_and_revoked_grants(partner: Partner, clock: MovableClock, database: Engine):
    await partner.code()
    tokens = await partner.tokens()
    await partner.token(grant_type="client_credentials")
    revoked = await partner.tokens()
    await partner.revoke(revoked["refresh_token"])

    def count_rows() -> list[int]:
        with database.connect() as connection:
            tables = (oauth_families, oauth_codes, oauth_tokens, oauth_consents)
            return [connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables]

    assert count_rows() == [4, 3, 5, 1]
    partner.application.auth.sweep()
    assert count_rows() == [3, 2, 3, 1]
    clock.forward(900)
    partner.application.auth.sweep()
    assert count_rows() == [1, 1, 1, 1], "the refresh token, and the code to detect reuse"
    assert (await partner.refresh(tokens["refresh_token"])).status_code == 200
    clock.forward(14 * 86_400)
    partner.application.auth.sweep()
    assert count_rows() == [0, 0, 0, 1]
