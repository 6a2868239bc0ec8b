"""A signed-in user links and unlinks external accounts."""

from collections.abc import AsyncIterator

import pytest

from auth.audit import AuditEvent, RequestSource
from auth.errors import PermissionDenied, ResourceNotFound
from auth.external.claims import UserClaims
from auth.external.providers import Provider
from tests.auth.application import Application
from tests.auth.external.browser import OWN, Browser
from tests.auth.external.mock_provider import MockProvider
from tests.auth.user_factory import UserFactory

LINK = "/api/v1/account/identities/idp"


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice")


@pytest.fixture
async def alices_browser(application: Application, factory: UserFactory, alice: int) -> AsyncIterator[Browser]:
    async with application.client() as client:
        client.cookies[application.auth.cookie.name] = factory.issue(alice)
        yield Browser(client)


async def test_a_linked_account_signs_its_user_in(
    application: Application, alice: int, alices_browser: Browser, user_browser: Browser, mock_provider: MockProvider
):
    for _ in range(2):  # linking again changes nothing
        redirect = await alices_browser.start_linking(next="/account?tab=identities")
        response = await alices_browser.finish_login(mock_provider.sign_in(redirect.url, "a-1"))
        assert (response.status_code, response.headers["location"]) == (303, "/account?tab=identities")
        assert "raylens_session" not in response.headers.get("set-cookie", ""), "the session continues"
        assert len(application.auth.identities.list(alice)) == 1
    [entry] = application.auth.audit.entries(user_id=alice)
    assert (entry.event, entry.detail) == (AuditEvent.IDENTITY_LINKED, {"provider": "idp"})
    await user_browser.finish_login(mock_provider.sign_in((await user_browser.start_login()).url, "a-1"))
    assert await user_browser.username() == "alice"


async def test_linking_returns_to_the_account_page(alices_browser: Browser, mock_provider: MockProvider):
    redirect = await alices_browser.start_linking()
    response = await alices_browser.finish_login(mock_provider.sign_in(redirect.url, "a-2"))
    assert (response.status_code, response.headers["location"]) == (303, "/account")


async def test_an_identity_of_another_user_cannot_be_linked(
    application: Application, alice: int, alices_browser: Browser, user_browser: Browser, mock_provider: MockProvider
):
    await user_browser.finish_login(mock_provider.sign_in((await user_browser.start_login()).url, "bob"))
    redirect = await alices_browser.start_linking()
    response = await alices_browser.finish_login(mock_provider.sign_in(redirect.url, "bob"))
    assert response.status_code == 403
    assert "linked to another user" in response.text
    assert application.auth.identities.list(alice) == []


async def test_linking_requires_a_session_and_its_own_headers(
    application: Application, factory: UserFactory, alice: int, alices_browser: Browser
):
    for header in OWN:
        headers = {name: value for name, value in OWN.items() if name != header}
        assert (await alices_browser.client.post(LINK, headers=headers)).status_code == 403
    async with application.client() as client:
        assert (await client.post(LINK, headers=OWN)).status_code == 401
        authorization = {"Authorization": f"Token {factory.issue(alice, 'token')}"}
        response = await client.post(LINK, headers=authorization)
        assert (response.status_code, response.json()["code"]) == (403, "not_allowed")
        authorization = {"Authorization": f"Bearer {factory.issue(alice, 'key', frozenset({'profile'}))}"}
        assert (await client.post(LINK, headers=authorization)).status_code == 403


async def test_an_unknown_provider(alices_browser: Browser):
    assert (await alices_browser.client.post(LINK + "x", headers=OWN)).status_code == 404


@pytest.mark.parametrize("now", ["nobody", "another user"])
async def test_a_changed_session_links_nothing(
    application: Application, factory: UserFactory, alices_browser: Browser, mock_provider: MockProvider, now: str
):
    """Otherwise the identity would be linked to the next user of the user_browser."""
    redirect = await alices_browser.start_linking()
    bob = factory.add("bob")
    alices_browser.client.cookies.delete(application.auth.cookie.name)
    if now == "another user":
        alices_browser.client.cookies[application.auth.cookie.name] = factory.issue(bob)
    response = await alices_browser.finish_login(mock_provider.sign_in(redirect.url, "a-3"))
    assert response.status_code == 403
    assert "was not linked" in response.text
    assert "identity.linked" not in {entry.event for entry in application.auth.audit.entries()}


def link(application: Application, user_id: int, provider: Provider, subject: str) -> int:
    """Id of the new identity."""
    claims = UserClaims(provider.issuer, subject, subject, "")
    application.auth.external.account_linking.link(user_id, provider, claims, source=RequestSource())
    return application.auth.identities.list(user_id)[-1].id


def test_a_user_with_a_password_can_unlink_all(application: Application, alice: int, provider: Provider):
    identity_id = link(application, alice, provider, "a-4")
    application.auth.identities.unlink(alice, identity_id, source=RequestSource())
    assert application.auth.identities.list(alice) == []
    entry = application.auth.audit.entries(user_id=alice)[0]
    assert (entry.event, entry.detail) == (AuditEvent.IDENTITY_UNLINKED, {"provider": "idp"})


def test_users_cannot_unlink_the_identities_of_others(
    application: Application, factory: UserFactory, alice: int, provider: Provider
):
    identity_id = link(application, alice, provider, "a-5")
    with pytest.raises(ResourceNotFound):
        application.auth.identities.unlink(factory.add("bob"), identity_id, source=RequestSource())
    assert len(application.auth.identities.list(alice)) == 1


def test_the_last_identity_of_a_user_without_a_password_stays(
    application: Application, factory: UserFactory, provider: Provider
):
    user_id = factory.add("carol", password=None)
    identity_id = link(application, user_id, provider, "c-1")
    with pytest.raises(PermissionDenied, match="your only way to sign in"):
        application.auth.identities.unlink(user_id, identity_id, source=RequestSource())
