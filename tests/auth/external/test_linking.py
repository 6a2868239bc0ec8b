"""Whoever is signed in lets a provider sign them in, too, and takes it back."""

from collections.abc import AsyncIterator

import pytest

from auth.audit import AuditEvent, RequestSource
from auth.errors import PermissionDenied, ResourceNotFound
from auth.external.person import Person
from auth.external.providers import Provider
from tests.auth.application import Application
from tests.auth.external.mock_provider import MockProvider
from tests.auth.external.traveller import OWN, Traveller
from tests.auth.user_factory import UserFactory

LINK = "/api/v1/account/identities/idp"


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice")


@pytest.fixture
async def hers(application: Application, factory: UserFactory, alice: int) -> AsyncIterator[Traveller]:
    """Alice's browser, signed in."""
    async with application.client() as client:
        client.cookies[application.auth.cookie.name] = factory.issue(alice)
        yield Traveller(client)


async def test_a_linked_account_signs_in_its_user(
    application: Application, alice: int, hers: Traveller, traveller: Traveller, mock_provider: MockProvider
):
    departure = await hers.depart_to_link()
    back = await hers.come_back(mock_provider.sign_in(departure.url, "a-1"))
    assert (back.status_code, back.headers["location"]) == (303, "/account")
    assert "raylens_session" not in back.headers.get("set-cookie", ""), "the session goes on"
    entry = application.auth.audit.entries(user_id=alice)[0]
    assert (entry.event, entry.detail) == (AuditEvent.IDENTITY_LINKED, {"provider": "idp"})
    await traveller.come_back(mock_provider.sign_in((await traveller.depart()).url, "a-1"))
    assert await traveller.name() == "alice"


async def test_linking_it_again_changes_nothing(
    application: Application, alice: int, hers: Traveller, mock_provider: MockProvider
):
    for _ in range(2):
        departure = await hers.depart_to_link(next="/account?tab=identities")
        back = await hers.come_back(mock_provider.sign_in(departure.url, "a-2"))
        assert (back.status_code, back.headers["location"]) == (303, "/account?tab=identities")
    assert len(application.auth.identities.list(alice)) == 1


async def test_what_signs_in_another_user_stays_theirs(
    application: Application, alice: int, hers: Traveller, traveller: Traveller, mock_provider: MockProvider
):
    await traveller.come_back(mock_provider.sign_in((await traveller.depart()).url, "bob"))
    back = await hers.come_back(mock_provider.sign_in((await hers.depart_to_link()).url, "bob"))
    assert back.status_code == 403
    assert "signs in another user here" in back.text
    assert application.auth.identities.list(alice) == []


@pytest.mark.parametrize("header", ["Origin", "X-Requested-With"])
async def test_another_site_cannot_begin_it(hers: Traveller, header: str):
    headers = {name: value for name, value in OWN.items() if name != header}
    assert (await hers.client.post(LINK, headers=headers)).status_code == 403


async def test_it_takes_a_browser_that_is_signed_in(application: Application, factory: UserFactory, alice: int):
    async with application.client() as client:
        assert (await client.post(LINK, headers=OWN)).status_code == 401
        authorization = {"Authorization": f"Token {factory.issue(alice, 'token')}"}
        refused = await client.post(LINK, headers=authorization)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        authorization = {"Authorization": f"Bearer {factory.issue(alice, 'key', frozenset({'profile'}))}"}
        assert (await client.post(LINK, headers=authorization)).status_code == 403


async def test_a_provider_that_there_is_not(hers: Traveller):
    assert (await hers.client.post(LINK + "x", headers=OWN)).status_code == 404


@pytest.mark.parametrize("now", ["nobody", "somebody else"])
async def test_who_signed_out_meanwhile_links_nothing(
    application: Application, factory: UserFactory, hers: Traveller, mock_provider: MockProvider, now: str
):
    """Or what comes back would be linked to whoever uses the browser next."""
    departure = await hers.depart_to_link()
    bob = factory.add("bob")
    hers.client.cookies.delete(application.auth.cookie.name)
    if now == "somebody else":
        hers.client.cookies[application.auth.cookie.name] = factory.issue(bob)
    back = await hers.come_back(mock_provider.sign_in(departure.url, "a-3"))
    assert back.status_code == 403
    assert "Nothing was linked" in back.text
    assert "identity.linked" not in {entry.event for entry in application.auth.audit.entries()}


def link(application: Application, user_id: int, provider: Provider, subject: str) -> int:
    """The id of a new identity of theirs."""
    person = Person(provider.issuer, subject, subject, "")
    application.auth.external.account_linking.link(user_id, provider, person, source=RequestSource())
    return application.auth.identities.list(user_id)[-1].id


def test_who_has_a_password_may_unlink_all(application: Application, alice: int, provider: Provider):
    identity_id = link(application, alice, provider, "a-4")
    application.auth.identities.unlink(alice, identity_id, source=RequestSource())
    assert application.auth.identities.list(alice) == []
    entry = application.auth.audit.entries(user_id=alice)[0]
    assert (entry.event, entry.detail) == (AuditEvent.IDENTITY_UNLINKED, {"provider": "idp"})


def test_nobody_unlinks_what_is_not_theirs(
    application: Application, factory: UserFactory, alice: int, provider: Provider
):
    identity_id = link(application, alice, provider, "a-5")
    with pytest.raises(ResourceNotFound):
        application.auth.identities.unlink(factory.add("bob"), identity_id, source=RequestSource())
    assert len(application.auth.identities.list(alice)) == 1


def test_the_only_way_in_stays(application: Application, factory: UserFactory, provider: Provider):
    user_id = factory.add("carol", password=None)
    identity_id = link(application, user_id, provider, "c-1")
    with pytest.raises(PermissionDenied, match="your only way in"):
        application.auth.identities.unlink(user_id, identity_id, source=RequestSource())
