"""OpenID Connect: who has to be there, how lately they signed in, and who they are."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from auth.oauth.authorization_request import MAX_NONCE_LENGTH
from tests.auth.oauth.partner import Partner, answer_of
from tests.auth.user_factory import UserFactory
from tests.clock import START, MovableClock


async def claims_of(partner: Partner, id_token: str) -> dict[str, Any]:
    jwks = (await partner.browser.get("/oauth/jwks")).json()
    return dict(jwt.decode(id_token, KeySet.import_key_set(jwks), ["RS256"]).claims)


def sign_in_of(response: httpx.Response) -> dict[str, str]:
    """The request as it will be made again once somebody has signed in."""
    assert response.status_code == 303, response.text
    location = urlsplit(response.headers["location"])
    assert location.path == "/oauth/sign-in"
    then = urlsplit(parse_qs(location.query)["next"][0])
    assert then.path == "/oauth/authorize"
    return dict(parse_qsl(then.query))


@pytest.fixture
async def partner(partner: Partner) -> Partner:
    """Its user has consented before."""
    await partner.code(scope="openid profile classify")
    return partner


async def test_nobody_is_signed_in(partner: Partner):
    partner.browser.cookies.clear()
    assert sign_in_of(await partner.ask()) == partner.query()
    assert sign_in_of(await partner.ask(prompt="consent", max_age="60")) == partner.query(prompt="consent")
    assert answer_of(await partner.ask(prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("secret", ["", "rls_" + "x" * 43, "rlt_x", "€".encode().decode("latin-1"), "x" * 3000])
async def test_a_cookie_that_is_no_session(partner: Partner, secret: str):
    partner.browser.cookies.clear()
    partner.browser.headers["Cookie"] = f"{partner.application.auth.cookie.name}={secret}"
    assert sign_in_of(await partner.ask()) == partner.query()


async def test_only_a_session_counts_as_being_there(partner: Partner, factory: UserFactory, alice: int):
    partner.browser.cookies.clear()
    partner.browser.headers["Authorization"] = f"Token {factory.issue(alice, 'token')}"
    assert sign_in_of(await partner.ask()) == partner.query()


async def test_silently_for_who_is_signed_in_and_has_consented(partner: Partner):
    assert "code" in answer_of(await partner.ask(prompt="none"))


async def test_silently_only_what_was_consented_to(partner: Partner):
    answer = answer_of(await partner.ask(prompt="none", scope="history:read"))
    assert (answer["error"], answer["state"]) == ("consent_required", "a state")


@pytest.mark.parametrize("prompt", ["login", "select_account", "login select_account"])
async def test_who_is_signed_in_signs_in_again(partner: Partner, prompt: str):
    assert sign_in_of(await partner.ask(prompt=prompt)) == partner.query(), "once: not again after that"


async def test_consent_is_asked_for_again(partner: Partner):
    assert (await partner.ask(prompt="consent")).status_code == 200
    assert sign_in_of(await partner.ask(prompt="login consent")) == partner.query(prompt="consent")


async def test_a_prompt_nobody_knows_is_ignored(partner: Partner):
    assert "code" in answer_of(await partner.ask(prompt="dance"))


async def test_a_sign_in_of_too_long_ago(partner: Partner, clock: MovableClock):
    clock.forward(60)
    assert "code" in answer_of(await partner.ask(max_age="60"))
    clock.forward(0.001)
    assert sign_in_of(await partner.ask(max_age="60")) == partner.query()
    assert answer_of(await partner.ask(max_age="60", prompt="none"))["error"] == "login_required"
    assert "code" in answer_of(await partner.ask(max_age="61"))


async def test_who_is_meant(partner: Partner, factory: UserFactory):
    hint = (await partner.tokens(scope="openid"))["id_token"]
    assert "code" in answer_of(await partner.ask(id_token_hint=hint, prompt="none"))
    partner.browser.cookies.set(partner.application.auth.cookie.name, factory.issue(factory.add("bob")))
    for prompt in ("none", None):
        assert answer_of(await partner.ask(id_token_hint=hint, prompt=prompt))["error"] == "login_required"


async def test_an_old_hint_still_tells_who_is_meant(
    partner: Partner, factory: UserFactory, alice: int, clock: MovableClock
):
    hint = (await partner.tokens(scope="openid"))["id_token"]
    clock.forward(86_400)
    partner.browser.cookies.set(partner.application.auth.cookie.name, factory.issue(alice))
    assert "code" in answer_of(await partner.ask(id_token_hint=hint))


async def test_a_hint_that_somebody_else_signed(partner: Partner):
    header, claims, _ = (await partner.tokens(scope="openid"))["id_token"].split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for forged in (f"{header}.{claims}.AAAA", f"{none}.{claims}.", f"{header}.{claims}", "..", "x"):
        assert answer_of(await partner.ask(id_token_hint=forged))["error"] == "invalid_request", forged


async def test_the_longest_nonce(partner: Partner):
    nonce = "\U0001f600" * MAX_NONCE_LENGTH
    tokens = await partner.tokens(scope="openid", nonce=nonce)
    assert (await claims_of(partner, tokens["id_token"]))["nonce"] == nonce


async def test_at_hash_binds_the_access_token(partner: Partner):
    tokens = await partner.tokens(scope="openid")
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    at_hash = (await claims_of(partner, tokens["id_token"]))["at_hash"]
    assert at_hash == base64.urlsafe_b64encode(half).rstrip(b"=").decode()


async def test_a_refresh_renews_the_id_token(partner: Partner, clock: MovableClock):
    tokens = await partner.tokens(scope="openid", nonce="a nonce")
    clock.forward(3600)
    renewed = (await partner.refresh(tokens["refresh_token"])).json()
    before, after = [await claims_of(partner, found["id_token"]) for found in (tokens, renewed)]
    assert "nonce" not in after, "that was of the request"
    assert (after["iat"], after["auth_time"]) == (START + 3600, START)
    assert all(after[name] == before[name] for name in ("iss", "sub", "aud"))
    assert "id_token" not in (await partner.refresh(renewed["refresh_token"], scope="classify")).json()
