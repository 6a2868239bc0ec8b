"""Authorization code grant, from consent to tokens."""

import logging
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import Engine, select

from auth.credentials.secret import digest_of
from auth.tables import auth_metadata as tables
from tests.auth.application import Application
from tests.auth.oauth.partner import CALLBACK, SOURCE, VERIFIER, Partner, parameters_of
from tests.auth.user_factory import UserFactory
from tests.clock import START, MovableClock


async def test_consent_yields_a_code(partner: Partner):
    page = await partner.authorize()
    assert page.status_code == 200
    for text in ("Partner", "alice", "Classify images", "View your username and e-mail address", "partner.example"):
        assert text in page.text
    assert "classification history" not in page.text
    response = await partner.decide(page)
    assert response.headers["location"].startswith(f"{CALLBACK}?")
    parameters = parameters_of(response)
    assert parameters.keys() == {"code", "state", "iss"}
    assert (parameters["state"], parameters["iss"]) == ("a state", "http://localhost:8000")
    assert response.headers["cache-control"] == "no-store"


async def test_a_code_yields_tokens(partner: Partner):
    response = await partner.redeem(await partner.code())
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    tokens = response.json()
    assert tokens["access_token"].startswith("rla_")
    assert tokens["refresh_token"].startswith("rlr_")
    assert {name: value for name, value in tokens.items() if not name.endswith("_token")} == {
        "token_type": "Bearer",
        "expires_in": 600,
        "refresh_token_expires_in": 14 * 86_400,
        "scope": "classify profile",
    }
    assert await partner.is_accepted(tokens["access_token"])


async def test_the_principal_of_an_access_token(partner: Partner, alice: int):
    tokens = await partner.tokens()
    principal = partner.application.auth.grants.tokens.principal(digest_of(tokens["access_token"]))
    assert principal
    assert principal.user
    assert (principal.kind, principal.user.id, principal.client_id) == ("access", alice, partner.client.id)
    assert principal.scopes == {"classify", "profile"}
    assert not principal.is_first_party


async def test_no_refresh_token_without_the_grant_type(application: Application, partner: Partner):
    partner = Partner.register(application, partner.browser, grants=["authorization_code"])
    tokens = await partner.tokens()
    assert "refresh_token" not in tokens
    assert await partner.is_accepted(tokens["access_token"])
    application.clock.forward(600)
    assert not await partner.is_accepted(tokens["access_token"])


async def test_an_id_token(partner: Partner, alice: int, clock: MovableClock):
    clock.forward(100)
    tokens = await partner.tokens(scope="openid classify", nonce="a nonce")
    jwks = (await partner.browser.get("/oauth/jwks")).json()
    token = jwt.decode(tokens["id_token"], KeySet.import_key_set(jwks), ["RS256"])
    assert token.header["alg"] == "RS256"
    assert token.claims.pop("at_hash")
    assert token.claims == {
        "iss": "http://localhost:8000",
        "sub": str(alice),
        "aud": partner.client.id,
        "iat": START + 100,
        "exp": START + 400,
        "auth_time": START,
        "nonce": "a nonce",
    }


async def test_no_id_token_without_openid(partner: Partner):
    assert "id_token" not in await partner.tokens(nonce="a nonce")


async def test_default_scopes(partner: Partner):
    assert (await partner.tokens(scope=None))["scope"] == "classify history:read profile"


async def test_consent_is_remembered(partner: Partner):
    await partner.code()
    assert "code" in parameters_of(await partner.authorize())
    assert "code" in parameters_of(await partner.authorize(scope="classify"))
    more = await partner.authorize(scope="classify history:read")
    assert more.status_code == 200
    await partner.decide(more)
    assert "code" in parameters_of(await partner.authorize(scope="classify profile history:read"))


async def test_denial_is_not_remembered(partner: Partner):
    parameters = parameters_of(await partner.decide(await partner.authorize(), "deny"))
    assert parameters == {
        "error": "access_denied",
        "error_description": "The user denied access.",
        "state": "a state",
        "iss": "http://localhost:8000",
    }
    assert (await partner.authorize()).status_code == 200


async def test_a_trusted_client_needs_no_consent(application: Application, partner: Partner, alice: int):
    trusted = Partner.register(application, partner.browser, trusted=True)
    assert (await trusted.redeem(parameters_of(await trusted.authorize())["code"])).status_code == 200
    [seen] = application.auth.grants.consents(alice)
    assert seen.client_id == trusted.client.id, "the user can see and revoke it"


@pytest.mark.parametrize("public", [True, False])
async def test_a_trusted_client_needs_consent_for_admin(
    application: Application, partner: Partner, alice: int, public: bool
):
    application.auth.accounts.set_role(alice, "admin", actor_id=None, source=SOURCE)
    trusted = Partner.register(application, partner.browser, trusted=True, scopes=("classify", "admin"), public=public)
    page = await trusted.authorize(scope="classify admin")
    assert page.status_code == 200, "the consent page"
    assert "code" in parameters_of(await trusted.decide(page))
    again = await trusted.authorize(scope="classify admin")
    assert again.status_code == (200 if public else 302), "any program can impersonate a public client"


async def test_a_client_that_is_no_longer_trusted_needs_consent(application: Application, partner: Partner):
    trusted = Partner.register(application, partner.browser, trusted=True)
    await trusted.code()
    application.auth.clients.update(trusted.client.id, trusted=False, actor_id=None, source=SOURCE)
    assert (await trusted.authorize()).status_code == 200


async def test_a_public_client_needs_no_secret(application: Application, partner: Partner):
    public = Partner.register(application, partner.browser, public=True)
    tokens = await public.tokens()
    renewed = await public.refresh(tokens["refresh_token"])
    assert renewed.status_code == 200
    assert await public.is_accepted(renewed.json()["access_token"])


async def test_a_loopback_redirect_uri_with_any_port(application: Application, partner: Partner):
    program = Partner.register(application, partner.browser, public=True, redirect_uris=["http://127.0.0.1/callback"])
    uri = "http://127.0.0.1:51004/callback"
    page = await program.authorize(redirect_uri=uri)
    assert "form-action 'self' http://127.0.0.1:51004;" in page.headers["content-security-policy"]
    response = await program.decide(page)
    assert response.headers["location"].startswith(f"{uri}?code=")
    code = parameters_of(response)["code"]
    assert (await program.redeem(code, redirect_uri="http://127.0.0.1:51005/callback")).status_code == 400
    assert (await program.redeem(code, redirect_uri=uri)).status_code == 200


async def test_the_command_line_is_registered(application: Application, partner: Partner):
    client = application.auth.clients.get("raylens-cli")
    assert client
    cli = Partner(application, partner.browser, client, None)
    uri = "http://127.0.0.1:40001/callback"
    code = await cli.code(redirect_uri=uri, scope="classify history:read history:write profile")
    assert (await cli.redeem(code, redirect_uri=uri)).status_code == 200


async def test_the_query_of_a_redirect_uri_is_preserved(application: Application, partner: Partner):
    uri = "https://partner.example/callback?tenant=a%20b"
    other = Partner.register(application, partner.browser, redirect_uris=[uri])
    parameters = parameters_of(await other.decide(await other.authorize(redirect_uri=uri, state=None)))
    assert parameters.keys() == {"tenant", "code", "iss"}
    assert parameters["tenant"] == "a b"


async def test_an_authorization_request_by_post(partner: Partner):
    """A form of another site lacks the SameSite cookie, which the redirect then sends."""
    response = await partner.browser.post("/oauth/authorize", data=partner.query())
    assert response.status_code == 303
    assert (await partner.browser.get(response.headers["location"])).status_code == 200


async def test_secrets_are_not_logged_or_stored(
    partner: Partner, database: Engine, factory: UserFactory, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    code = await partner.code(scope="openid classify")
    tokens = (await partner.redeem(code)).json()
    renewed = (await partner.refresh(tokens["refresh_token"])).json()
    own = (await partner.token(grant_type="client_credentials")).json()
    secrets = {
        code,
        partner.secret or "",
        own["access_token"],
        *(found[name] for found in (tokens, renewed) for name in ("access_token", "refresh_token", "id_token")),
    }
    assert len(secrets) == 9
    with database.connect() as connection:
        stored = repr([list(connection.execute(select(table))) for table in tables.sorted_tables])
    assert partner.client.id in stored
    for secret in secrets:
        assert secret not in stored
        assert secret[4:] not in stored
        assert secret not in caplog.text
    assert VERIFIER not in stored
    assert VERIFIER not in caplog.text


async def test_authorizations_are_audited(partner: Partner, alice: int):
    await partner.code()
    await partner.code(scope="classify")
    last, first = partner.application.auth.audit.entries(event="app.authorized")
    assert (first.user_id, first.client_id, first.address) == (alice, partner.client.id, "203.0.113.7")
    assert first.detail == {"scopes": ["classify", "profile"]}
    assert last.detail == {"scopes": ["classify"]}


async def test_a_redirect_uri_on_another_host_requires_consent_again(application: Application, partner: Partner):
    await partner.code()
    actor: dict[str, Any] = {"actor_id": None, "source": SOURCE}
    application.auth.clients.update(partner.client.id, redirect_uris=[CALLBACK, f"{CALLBACK}/2"], **actor)
    assert (await partner.authorize()).status_code == 302
    application.auth.clients.update(partner.client.id, redirect_uris=[CALLBACK, "https://other.example/"], **actor)
    assert (await partner.authorize()).status_code == 200
