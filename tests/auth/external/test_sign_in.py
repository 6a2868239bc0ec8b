"""Which account an external identity signs in."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, func, select

from auth.audit import AuditEvent, RequestSource
from auth.external.providers import Provider
from auth.tables import identities, users
from tests.auth.application import Application, create
from tests.auth.external.browser import Browser
from tests.auth.external.mock_provider import MockProvider
from tests.auth.user_factory import UserFactory

SignIn = Callable[[str], Awaitable[httpx.Response]]


@pytest.fixture
def sign_in(user_browser: Browser, mock_provider: MockProvider) -> SignIn:
    async def sign_in(subject: str) -> httpx.Response:
        return await user_browser.finish_login(mock_provider.sign_in((await user_browser.start_login()).url, subject))

    return sign_in


def count_rows(database: Engine, table: Any) -> int:
    with database.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


async def test_a_new_user_gets_an_account(application: Application, user_browser: Browser, mock_provider: MockProvider):
    mock_provider.set_claims("s-1", preferred_username="Ada L", email="ada@Example.org")
    redirect = await user_browser.start_login(next="/history?page=2")
    response = await user_browser.finish_login(mock_provider.sign_in(redirect.url, "s-1"))
    assert (response.status_code, response.headers["location"]) == (303, "/history?page=2")
    user = await user_browser.user() or {}
    assert (user["username"], user["email"], user["has_password"]) == ("Ada-L", "ada@example.org", False)
    (identity,) = (await user_browser.client.get("/api/v1/account")).json()["identities"]
    assert (identity["provider"], identity["title"], identity["email"]) == ("idp", "The IdP", "ada@example.org")
    entries = application.auth.audit.entries(user_id=user["id"])
    assert [(entry.event, entry.detail) for entry in entries] == [
        (AuditEvent.SIGNED_IN, {"provider": "idp"}),
        (AuditEvent.IDENTITY_LINKED, {"provider": "idp"}),
        (AuditEvent.REGISTERED, {}),
    ]
    assert {entry.address for entry in entries} == {"203.0.113.7"}


async def test_a_returning_user_keeps_the_account(
    application: Application, database: Engine, user_browser: Browser, mock_provider: MockProvider, sign_in: SignIn
):
    mock_provider.set_claims("s-2", preferred_username="grace", email="grace@example.org")
    await sign_in("s-2")
    first = user_browser.client.cookies[application.auth.cookie.name]
    mock_provider.set_claims("s-2", preferred_username="hopper", email="hopper@example.org")
    application.clock.forward(120)
    assert await user_browser.username() == "grace"
    await sign_in("s-2")
    assert await user_browser.username() == "grace"
    assert (count_rows(database, users), count_rows(database, identities)) == (1, 1)
    (identity,) = (await user_browser.client.get("/api/v1/account")).json()["identities"]
    assert identity["email"] == "hopper@example.org"
    user_browser.client.cookies[application.auth.cookie.name] = first
    assert await user_browser.username() is None, "the previous session has ended"


async def test_an_email_address_links_no_account(
    application: Application, user_browser: Browser, factory: UserFactory, sign_in: SignIn
):
    """A provider can assert any address. The new account gets a number, since the name is in use."""
    alice = factory.add("alice")
    await sign_in("alice@example.org")
    name = await user_browser.username() or ""
    assert name.startswith("alice-")
    assert name.removeprefix("alice-").isdigit()
    assert application.auth.identities.list(alice) == []


async def test_a_disabled_account_cannot_sign_in(
    application: Application, user_browser: Browser, factory: UserFactory, sign_in: SignIn
):
    await sign_in("mallory@example.org")
    root = factory.add("root", role="admin")
    (user,) = application.auth.accounts.find("mallory")
    application.auth.accounts.set_disabled(user.id, True, actor_id=root, source=RequestSource())
    application.clear_cache()
    response = await sign_in("mallory@example.org")
    assert response.status_code == 403
    assert "This account is disabled" in response.text
    assert await user_browser.username() is None
    entry = application.auth.audit.entries(user_id=user.id)[0]
    assert (entry.event, entry.detail) == (AuditEvent.SIGN_IN_FAILED, {"provider": "idp", "reason": "disabled"})


async def test_a_deleted_user_gets_a_new_account(application: Application, user_browser: Browser, sign_in: SignIn):
    await sign_in("eve@example.org")
    (user,) = application.auth.accounts.find("eve")
    application.auth.accounts.delete(user.id, source=RequestSource())
    application.clear_cache()
    assert (await sign_in("eve@example.org")).status_code == 303
    assert (await user_browser.user() or {})["id"] != user.id


@pytest.mark.parametrize("closed", ["the provider", "registration"])
async def test_new_users_are_rejected_without_registration(
    database: Engine, clock: Any, provider: Provider, mock_provider: MockProvider, closed: str
):
    if closed == "the provider":
        provider = provider.model_copy(update={"registers": False})
    application = create(database, clock, providers=(provider,), registration=closed != "registration")
    async with application.client() as client:
        user_browser = Browser(client)
        response = await user_browser.finish_login(mock_provider.sign_in((await user_browser.start_login()).url, "new"))
        assert response.status_code == 403
        assert "This The IdP account is not linked" in response.text
        assert await user_browser.username() is None
    assert count_rows(database, users) == 0
    (entry,) = application.auth.audit.entries()
    assert (entry.event, entry.user_id) == (AuditEvent.SIGN_IN_FAILED, None)
    assert entry.detail == {"provider": "idp", "reason": "unknown"}
