"""Clients deleted during a request, and concurrent consents."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from auth.oauth.grants import Grants
from auth.oauth.server import OAuthServer
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
