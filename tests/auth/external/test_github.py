"""Sign-in with GitHub, at an address like GitHub Enterprise's."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Engine, select

from auth.audit import AuditEvent
from auth.external.providers import Provider
from auth.tables import identities
from tests.auth.application import Application, create
from tests.auth.external.false_github import FalseGitHub
from tests.auth.external.traveller import Traveller
from tests.auth.external.web_server import Stage
from tests.clock import MovableClock


@pytest.fixture
def github(stage: Stage) -> FalseGitHub:
    stage.app = github = FalseGitHub(stage.address)
    return github


@pytest.fixture
def site(engine: Engine, clock: MovableClock, github: FalseGitHub) -> Application:
    provider = Provider(
        name="github",
        kind="github",
        issuer=github.address + "/",
        client_id=github.client_id,
        client_secret=github.client_secret,
    )
    return create(engine, clock, providers=(provider,))


@pytest.fixture
async def octocat(site: Application) -> AsyncIterator[Traveller]:
    async with site.client() as client:
        yield Traveller(client)


async def sign_in(traveller: Traveller, github: FalseGitHub, **query: str) -> tuple[int, str]:
    departure = await traveller.depart("github")
    answer = github.authorize(departure, "code-1") | query
    back = await traveller.client.get("/auth/external/github/callback", params=answer)
    return back.status_code, back.text


async def test_a_stranger_gets_an_account(engine: Engine, site: Application, octocat: Traveller, github: FalseGitHub):
    assert await sign_in(octocat, github) == (303, "")
    user = (await octocat.client.get("/api/v1/session")).json()["user"]
    assert (user["username"], user["email"]) == ("octocat", "octocat@example.org")
    with engine.connect() as connection:
        row = connection.execute(select(identities)).one()
    assert (row.provider, row.issuer, row.subject) == ("github", github.address, "583231")
    assert site.auth.audit.entries(user_id=user["id"])[0].event == AuditEvent.SIGNED_IN


async def test_the_number_counts_not_the_name(octocat: Traveller, github: FalseGitHub):
    """A name that somebody gave up may be another's tomorrow."""
    await sign_in(octocat, github)
    first = (await octocat.client.get("/api/v1/session")).json()["user"]["id"]
    github.user |= {"login": "renamed"}
    await sign_in(octocat, github)
    assert (await octocat.client.get("/api/v1/session")).json()["user"]["id"] == first
    github.user |= {"login": "octocat", "id": 1}
    await sign_in(octocat, github)
    assert (await octocat.client.get("/api/v1/session")).json()["user"]["id"] != first


@pytest.mark.parametrize(
    "emails",
    [
        [],
        [{"email": "a@example.org", "primary": True, "verified": False}],
        [{"email": "a@example.org", "primary": False, "verified": True}],
        [{"email": 7, "primary": True, "verified": True}],
        ["a@example.org"],
        {"message": "what?"},
    ],
)
async def test_an_address_is_the_primary_verified_one_or_none(octocat: Traveller, github: FalseGitHub, emails: Any):
    github.emails = emails
    assert (await sign_in(octocat, github))[0] == 303
    assert (await octocat.client.get("/api/v1/session")).json()["user"]["email"] == ""


async def test_who_hides_their_addresses_gets_in(octocat: Traveller, github: FalseGitHub):
    github.scopes = ""
    assert (await sign_in(octocat, github))[0] == 303
    assert (await octocat.client.get("/api/v1/session")).json()["user"]["email"] == ""


@pytest.mark.parametrize("number", [None, "583231", True, 0, -1, 1.5, 1 << 63, 10**400])
async def test_an_account_without_a_number_is_none(octocat: Traveller, github: FalseGitHub, number: Any):
    github.user["id"] = number
    status, text = await sign_in(octocat, github)
    assert (status, "did not say who signed in" in text) == (502, True)
    assert await octocat.name() is None


async def test_a_code_that_is_spent(octocat: Traveller, github: FalseGitHub):
    status, text = await sign_in(octocat, github, code="another")
    assert (status, "used already" in text) == (400, True)


async def test_a_wrong_secret_is_the_operators_affair(
    octocat: Traveller, github: FalseGitHub, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(github, "client_secret", "changed there")
    status, text = await sign_in(octocat, github)
    assert (status, "incorrect_client_credentials" in text) == (502, True)


async def test_who_says_no(octocat: Traveller):
    departure = await octocat.depart("github")
    denied = {"error": "access_denied", "error_description": "The user has denied your application access."}
    back = await octocat.come_back(departure, "github", **denied)
    assert (back.status_code, "cancelled" in back.text) == (400, True)


@pytest.mark.parametrize(("issuer", "status"), [("/login/oauth", 303), ("", 400), ("/login/oauth/x", 400)])
async def test_github_may_name_itself(octocat: Traveller, github: FalseGitHub, issuer: str, status: int):
    assert (await sign_in(octocat, github, iss=github.address + issuer))[0] == status
