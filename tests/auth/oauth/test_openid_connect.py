"""OpenID Connect parameters of authorization requests, and id_tokens."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from auth.oauth.authorization_request import MAX_NONCE_LENGTH
from tests.auth.oauth.partner import Partner, parameters_of
from tests.auth.user_factory import UserFactory
from tests.clock import START, MovableClock


async def claims_of(partner: Partner, id_token: str) -> dict[str, Any]:
    jwks = (await partner.browser.get("/oauth/jwks")).json()
    return dict(jwt.decode(id_token, KeySet.import_key_set(jwks), ["RS256"]).claims)


def sign_in_of(response: httpx.Response) -> dict[str, str]:
    """Parameters of the authorization request that follows the sign-in."""
    assert response.status_code == 303, response.text
    location = urlsplit(response.headers["location"])
    assert location.path == "/oauth/sign-in"
    next_url = urlsplit(parse_qs(location.query)["next"][0])
    assert next_url.path == "/oauth/authorize"
    return dict(parse_qsl(next_url.query))


def error_of(response: httpx.Response) -> str:
    return parameters_of(response)["error"]


@pytest.fixture
async def partner(partner: Partner) -> Partner:
    """Has the user's consent."""
    await partner.code(scope="openid profile classify")
    return partner


async def test_without_a_session(partner: Partner):
    partner.browser.cookies.clear()
    assert sign_in_of(await partner.authorize()) == partner.query()
    consent = await partner.authorize(prompt="consent", max_age="60")
    assert sign_in_of(consent) == partner.query(prompt="consent")
    assert error_of(await partner.authorize(prompt="none")) == "login_required"


async def test_an_invalid_session_cookie(partner: Partner):
    partner.browser.cookies.clear()
    for secret in ("", "rls_" + "x" * 43, "rlt_x", "€".encode().decode("latin-1"), "x" * 3000):
        partner.browser.headers["Cookie"] = f"{partner.application.auth.cookie.name}={secret}"
        assert sign_in_of(await partner.authorize()) == partner.query(), secret


async def test_a_token_is_not_a_session(partner: Partner, factory: UserFactory, alice: int):
    partner.browser.cookies.clear()
    partner.browser.headers["Authorization"] = f"Token {factory.issue(alice, 'token')}"
    assert sign_in_of(await partner.authorize()) == partner.query()


async def test_prompt_none(partner: Partner):
    assert "code" in parameters_of(await partner.authorize(prompt="none"))
    parameters = parameters_of(await partner.authorize(prompt="none", scope="history:read"))
    assert (parameters["error"], parameters["state"]) == ("consent_required", "a state")


async def test_other_prompts(partner: Partner):
    for prompt in ("login", "select_account", "login select_account"):
        response = await partner.authorize(prompt=prompt)
        assert sign_in_of(response) == partner.query(), "the next request requires no other sign-in"
    assert (await partner.authorize(prompt="consent")).status_code == 200
    assert sign_in_of(await partner.authorize(prompt="login consent")) == partner.query(prompt="consent")
    assert "code" in parameters_of(await partner.authorize(prompt="unknown"))


async def test_max_age(partner: Partner, clock: MovableClock):
    clock.forward(60)
    assert "code" in parameters_of(await partner.authorize(max_age="60"))
    clock.forward(0.001)
    assert sign_in_of(await partner.authorize(max_age="60")) == partner.query()
    assert error_of(await partner.authorize(max_age="60", prompt="none")) == "login_required"
    assert "code" in parameters_of(await partner.authorize(max_age="61"))


async def test_id_token_hint(partner: Partner, factory: UserFactory, alice: int, clock: MovableClock):
    hint = (await partner.tokens(scope="openid"))["id_token"]
    assert "code" in parameters_of(await partner.authorize(id_token_hint=hint, prompt="none"))
    partner.browser.cookies.set(partner.application.auth.cookie.name, factory.issue(factory.add("bob")))
    for prompt in ("none", None):
        assert error_of(await partner.authorize(id_token_hint=hint, prompt=prompt)) == "login_required"
    clock.forward(86_400)
    partner.browser.cookies.set(partner.application.auth.cookie.name, factory.issue(alice))
    assert "code" in parameters_of(await partner.authorize(id_token_hint=hint)), "although it has expired"


async def test_a_forged_id_token_hint(partner: Partner):
    header, claims, _ = (await partner.tokens(scope="openid"))["id_token"].split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for forged in (f"{header}.{claims}.AAAA", f"{none}.{claims}.", f"{header}.{claims}", "..", "x"):
        assert error_of(await partner.authorize(id_token_hint=forged)) == "invalid_request", forged


async def test_claims_of_an_id_token(partner: Partner):
    nonce = "\U0001f600" * MAX_NONCE_LENGTH
    tokens = await partner.tokens(scope="openid", nonce=nonce)
    claims = await claims_of(partner, tokens["id_token"])
    assert claims["nonce"] == nonce
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()


async def test_a_refresh_renews_the_id_token(partner: Partner, clock: MovableClock):
    tokens = await partner.tokens(scope="openid", nonce="a nonce")
    clock.forward(3600)
    renewed = (await partner.refresh(tokens["refresh_token"])).json()
    before, after = [await claims_of(partner, found["id_token"]) for found in (tokens, renewed)]
    assert "nonce" not in after, "it belongs to the first request"
    assert (after["iat"], after["auth_time"]) == (START + 3600, START)
    assert all(after[name] == before[name] for name in ("iss", "sub", "aud"))
    assert "id_token" not in (await partner.refresh(renewed["refresh_token"], scope="classify")).json()
