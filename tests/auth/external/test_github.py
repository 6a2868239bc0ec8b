"""Sign-in with GitHub, at an address like that of GitHub Enterprise."""

from typing import Any

import pytest
from sqlalchemy import Engine, select

from auth.audit import AuditEvent
from auth.external.providers import Provider
from auth.tables import identities
from tests.auth.application import Application, create
from tests.auth.external.browser import Browser
from tests.auth.external.fake_github import FakeGitHub
from tests.auth.web_server import SwitchableApp
from tests.clock import MovableClock


@pytest.fixture
def github(fake_server: SwitchableApp) -> FakeGitHub:
    fake_server.app = github = FakeGitHub(fake_server.address)
    return github


@pytest.fixture
def site(database: Engine, clock: MovableClock, github: FakeGitHub) -> Application:
    provider = Provider(
        name="github",
        kind="github",
        issuer=github.address + "/",
        client_id=github.client_id,
        client_secret=github.client_secret,
    )
    return create(database, clock, providers=(provider,))


async def sign_in(browser: Browser, github: FakeGitHub, **query: str) -> tuple[int, str]:
    redirect = await browser.start_login("github")
    response = await browser.finish_login(redirect, "github", **(github.authorize(redirect, "code-1") | query))
    return response.status_code, response.text


async def test_a_new_user_gets_an_account(database: Engine, site: Application, visitor: Browser, github: FakeGitHub):
    assert await sign_in(visitor, github) == (303, "")
    user = await visitor.user() or {}
    assert (user["username"], user["email"]) == ("octocat", "octocat@example.org")
    with database.connect() as connection:
        row = connection.execute(select(identities)).one()
    assert (row.provider, row.issuer, row.subject) == ("github", github.address, "583231")
    assert site.auth.audit.entries(user_id=user["id"])[0].event == AuditEvent.SIGNED_IN


async def test_accounts_match_by_id_not_by_login(visitor: Browser, github: FakeGitHub):
    """A login can pass to another user."""
    user_ids = []
    for changes in ({}, {"login": "renamed"}, {"login": "octocat", "id": 1}):
        github.user |= changes
        await sign_in(visitor, github)
        user_ids.append((await visitor.user() or {})["id"])
    assert user_ids[0] == user_ids[1] != user_ids[2]


async def test_only_a_primary_verified_email_is_used(visitor: Browser, github: FakeGitHub):
    lists: list[Any] = [
        [],
        [{"email": "a@example.org", "primary": True, "verified": False}],
        [{"email": "a@example.org", "primary": False, "verified": True}],
        [{"email": 7, "primary": True, "verified": True}],
        ["a@example.org"],
        {"message": "what?"},
    ]
    for github.user["id"], github.emails in enumerate(lists, 1):
        assert (await sign_in(visitor, github))[0] == 303
        assert (await visitor.user() or {})["email"] == "", github.emails


async def test_sign_in_without_access_to_emails(visitor: Browser, github: FakeGitHub):
    github.scopes = ""
    assert (await sign_in(visitor, github))[0] == 303
    assert (await visitor.user() or {})["email"] == ""


async def test_an_invalid_user_id_is_rejected(visitor: Browser, github: FakeGitHub):
    for id_ in (None, "583231", True, 0, -1, 1.5, 1 << 63, 10**400):
        github.user["id"] = id_
        status, text = await sign_in(visitor, github)
        assert (status, "returned no user id" in text) == (502, True), id_
        assert await visitor.user() is None


async def test_an_invalid_code(visitor: Browser, github: FakeGitHub):
    status, text = await sign_in(visitor, github, code="another")
    assert (status, "already used" in text) == (400, True)


async def test_a_wrong_client_secret_is_a_provider_fault(
    visitor: Browser, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(github, "client_secret", "changed there")
    status, text = await sign_in(visitor, github)
    assert (status, "incorrect_client_credentials" in text) == (502, True)


async def test_a_user_who_denies_access(visitor: Browser):
    redirect = await visitor.start_login("github")
    denied = {"error": "access_denied", "error_description": "The user has denied your application access."}
    response = await visitor.finish_login(redirect, "github", **denied)
    assert (response.status_code, "cancelled" in response.text) == (400, True)


@pytest.mark.parametrize(("issuer", "status"), [("/login/oauth", 303), ("", 400), ("/login/oauth/x", 400)])
async def test_the_issuer_in_the_response(visitor: Browser, github: FakeGitHub, issuer: str, status: int):
    assert (await sign_in(visitor, github, iss=github.address + issuer))[0] == status
