"""To a provider and back: who gets into which account."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, func, select

from auth.audit import AuditEvent, RequestSource
from auth.external.providers import Provider
from auth.tables import identities, users
from tests.auth.application import Application, create
from tests.auth.external.mock_provider import MockProvider
from tests.auth.external.traveller import Traveller
from tests.auth.user_factory import UserFactory

SignIn = Callable[[str], Awaitable[httpx.Response]]


@pytest.fixture
def sign_in(traveller: Traveller, mock_provider: MockProvider) -> SignIn:
    async def sign_in(subject: str) -> httpx.Response:
        return await traveller.come_back(mock_provider.sign_in((await traveller.depart()).url, subject))

    return sign_in


def rows(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


async def test_a_stranger_gets_an_account(application: Application, traveller: Traveller, mock_provider: MockProvider):
    mock_provider.know("s-1", preferred_username="Ada L", email="ada@Example.org")
    departure = await traveller.depart(next="/history?page=2")
    back = await traveller.come_back(mock_provider.sign_in(departure.url, "s-1"))
    assert (back.status_code, back.headers["location"]) == (303, "/history?page=2")
    user = (await traveller.client.get("/api/v1/session")).json()["user"]
    assert (user["username"], user["email"], user["has_password"]) == ("Ada-L", "ada@example.org", False)
    (identity,) = (await traveller.client.get("/api/v1/account")).json()["identities"]
    assert (identity["provider"], identity["title"], identity["email"]) == ("idp", "The IdP", "ada@example.org")
    entries = application.auth.audit.entries(user_id=user["id"])
    assert [(entry.event, entry.detail) for entry in entries] == [
        (AuditEvent.SIGNED_IN, {"provider": "idp"}),
        (AuditEvent.IDENTITY_LINKED, {"provider": "idp"}),
        (AuditEvent.REGISTERED, {}),
    ]
    assert {entry.address for entry in entries} == {"203.0.113.7"}


async def test_whoever_comes_again_gets_into_the_same_account(
    application: Application, engine: Engine, traveller: Traveller, mock_provider: MockProvider, sign_in: SignIn
):
    mock_provider.know("s-2", preferred_username="grace", email="grace@example.org")
    await sign_in("s-2")
    first = traveller.client.cookies[application.auth.cookie.name]
    mock_provider.know("s-2", preferred_username="hopper", email="hopper@example.org")
    application.clock.forward(120)
    assert await traveller.name() == "grace"
    await sign_in("s-2")
    assert await traveller.name() == "grace"
    assert (rows(engine, users), rows(engine, identities)) == (1, 1)
    (identity,) = (await traveller.client.get("/api/v1/account")).json()["identities"]
    assert identity["email"] == "hopper@example.org"
    traveller.client.cookies[application.auth.cookie.name] = first
    assert await traveller.name() is None, "the session that was there before ended"


async def test_an_address_links_nobody(
    application: Application, traveller: Traveller, factory: UserFactory, sign_in: SignIn
):
    """Whoever runs a provider can make it say any address."""
    alice = factory.add("alice")
    await sign_in("alice@example.org")
    assert await traveller.name() not in {None, "alice"}
    assert application.auth.identities.list(alice) == []


async def test_a_name_that_is_taken_gets_a_number(traveller: Traveller, factory: UserFactory, sign_in: SignIn):
    factory.add("alice")
    await sign_in("alice@example.org")
    name = await traveller.name() or ""
    assert name.startswith("alice-")
    assert name.removeprefix("alice-").isdigit()


async def test_a_disabled_account_lets_nobody_in(
    application: Application, traveller: Traveller, factory: UserFactory, sign_in: SignIn
):
    await sign_in("mallory@example.org")
    root = factory.add("root", role="admin")
    (user,) = application.auth.accounts.find("mallory")
    application.auth.accounts.set_disabled(user.id, True, actor_id=root, source=RequestSource())
    application.forget()
    back = await sign_in("mallory@example.org")
    assert back.status_code == 403
    assert "This account is disabled" in back.text
    assert await traveller.name() is None
    entry = application.auth.audit.entries(user_id=user.id)[0]
    assert (entry.event, entry.detail) == (AuditEvent.SIGN_IN_FAILED, {"provider": "idp", "reason": "disabled"})


async def test_who_deleted_their_account_is_a_stranger_again(
    application: Application, engine: Engine, traveller: Traveller, sign_in: SignIn
):
    await sign_in("eve@example.org")
    (user,) = application.auth.accounts.find("eve")
    application.auth.accounts.delete(user.id, source=RequestSource())
    application.forget()
    assert (await sign_in("eve@example.org")).status_code == 303
    assert (await traveller.client.get("/api/v1/session")).json()["user"]["id"] != user.id


@pytest.mark.parametrize("closed", ["the provider", "registration"])
async def test_strangers_stay_outside_where_none_are_taken(
    engine: Engine, clock: Any, provider: Provider, mock_provider: MockProvider, closed: str
):
    if closed == "the provider":
        provider = provider.model_copy(update={"registers": False})
    application = create(engine, clock, providers=(provider,), registration=closed != "registration")
    async with application.client() as client:
        traveller = Traveller(client)
        back = await traveller.come_back(mock_provider.sign_in((await traveller.depart()).url, "stranger"))
        assert back.status_code == 403
        assert "No account here is linked with this The IdP account" in back.text
        assert await traveller.name() is None
    assert rows(engine, users) == 0
    (entry,) = application.auth.audit.entries()
    assert (entry.event, entry.user_id) == (AuditEvent.SIGN_IN_FAILED, None)
    assert entry.detail == {"provider": "idp", "reason": "unknown"}
