"""Only valid id_tokens sign a user in."""

import base64
import hmac
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from auth.audit import AuditEvent
from tests.auth.application import Application
from tests.auth.external.browser import Browser, Redirect
from tests.auth.external.fake_provider import FakeProvider, ec_key, rsa_key


async def sign_in(browser: Browser, provider: FakeProvider, token: Callable[[Redirect], Any] | None = None) -> Any:
    """Status and text of the response. ``token`` creates another id_token than the valid one."""
    redirect = await browser.start_login()
    if token:
        provider.id_token = token  # type: ignore[assignment, method-assign]
    response = await browser.finish_login(redirect, code=provider.code_for(redirect))
    return response.status_code, response.text


async def test_a_valid_token(visitor: Browser, fake_provider: FakeProvider):
    assert (await sign_in(visitor, fake_provider))[0] == 303
    assert await visitor.username() == "some.body"
    assert fake_provider.requested_paths == ["/.well-known/openid-configuration", "/token", "/jwks"]
    fake_provider.claims = {"aud": ["them", "us"], "azp": "us"}
    assert (await sign_in(visitor, fake_provider))[0] == 303


INVALID_CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://other.example"}, "invalid_claim: iss"),
    ({"iss": None}, "missing_claim: iss"),
    ({"aud": "them"}, "invalid_claim: aud"),
    ({"aud": ["them", "those"]}, "invalid_claim: aud"),
    ({"aud": None}, "missing_claim: aud"),
    ({"aud": ["us", "them"]}, "another application"),
    ({"aud": ["us", "them"], "azp": "them"}, "another application"),
    ({"azp": "them"}, "another application"),
    ({"nonce": None}, "missing_claim: nonce"),
    ({"nonce": "x" * 43}, "invalid_claim: nonce"),
    ({"exp": None}, "missing_claim: exp"),
    ({"exp": "tomorrow"}, "invalid_claim: exp"),
    ({"iat": None}, "missing_claim: iat"),
    ({"sub": None}, "missing_claim: sub"),
    ({"sub": 7}, "invalid_claim: sub"),
    ({"sub": ""}, "invalid_claim: sub"),
    ({"sub": "somebody "}, "invalid sub claim"),
    ({"sub": "x" * 256}, "invalid sub claim"),
    ({"sub": "ä"}, "invalid sub claim"),
]


async def test_invalid_claims(site: Application, visitor: Browser, fake_provider: FakeProvider):
    for claims, message in INVALID_CLAIMS:
        fake_provider.claims = claims
        status, text = await sign_in(visitor, fake_provider)
        assert (status, message in text) == (502, True), (claims, text)
        entry, reason = site.auth.audit.entries()[0], {"provider": "idp", "reason": "provider_fault"}
        assert (entry.event, entry.detail) == (AuditEvent.SIGN_IN_FAILED, reason)
    assert await visitor.username() is None
    assert len(site.auth.audit.entries()) == len(INVALID_CLAIMS)


async def test_times_with_a_minute_of_leeway(visitor: Browser, fake_provider: FakeProvider):
    cases = [("exp", -59, 303), ("exp", -61, 502), ("iat", 59, 303), ("iat", 90, 502), ("nbf", 90, 502)]
    for claim, seconds, status in cases:
        fake_provider.claims = {claim: int(fake_provider.clock()) + seconds}
        assert (await sign_in(visitor, fake_provider))[0] == status, (claim, seconds)


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def encoded_json(content: Any) -> str:
    return encoded(json.dumps(content).encode())


def unsigned(provider: FakeProvider, redirect: Redirect) -> str:
    _, payload, _ = FakeProvider.id_token(provider, redirect).split(".")
    return f"{encoded_json({'alg': 'none'})}.{payload}."


def modified(provider: FakeProvider, redirect: Redirect) -> str:
    header, payload, signature = FakeProvider.id_token(provider, redirect).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{encoded_json(claims | {'sub': 'root'})}.{signature}"


def with_hmac(provider: FakeProvider, redirect: Redirect, secret: bytes) -> str:
    _, payload, _ = FakeProvider.id_token(provider, redirect).split(".")
    message = f"{encoded_json({'alg': 'HS256', 'kid': 'one'})}.{payload}"
    return f"{message}.{encoded(hmac.digest(secret, message.encode(), 'sha256'))}"


def with_hmac_of_the_public_key(provider: FakeProvider, redirect: Redirect) -> str:
    return with_hmac(provider, redirect, rsa_key("one").as_pem(private=False))


def with_hmac_of_the_client_secret(provider: FakeProvider, redirect: Redirect) -> str:
    return with_hmac(provider, redirect, provider.client_secret.encode())


def with_another_key(provider: FakeProvider, redirect: Redirect) -> str:
    return FakeProvider.id_token(provider, redirect, rsa_key("another"), kid="one")


def with_an_embedded_key(provider: FakeProvider, redirect: Redirect) -> str:
    key = rsa_key("another")
    return FakeProvider.id_token(provider, redirect, key, jwk=key.as_dict(private=False))


FORGED = [
    unsigned,
    modified,
    with_hmac_of_the_public_key,
    with_hmac_of_the_client_secret,
    with_another_key,
    with_an_embedded_key,
]


@pytest.mark.parametrize("algorithms", [["RS256"], ["RS256", "HS256", "none"]])
async def test_forged_tokens(visitor: Browser, fake_provider: FakeProvider, algorithms: list[str]):
    """Whatever algorithms the provider's metadata allow."""
    fake_provider.metadata["id_token_signing_alg_values_supported"] = algorithms
    for forge in FORGED:
        status, text = await sign_in(visitor, fake_provider, partial(forge, fake_provider))
        assert (status, "not signed with a key of the provider" in text) == (502, True), forge
    assert await visitor.username() is None


def constant(token: Any, _redirect: Redirect) -> Any:
    return token


async def test_malformed_tokens(visitor: Browser, fake_provider: FakeProvider):
    for token in (None, 7, "", "x", "a.b.c", "..", "ä.ä.ä", "W10.e30.", f"{encoded_json({'alg': 'RS256'})}.[[."):
        status, text = await sign_in(visitor, fake_provider, partial(constant, token))
        assert (status, "id_token" in text) == (502, True), token


async def test_elliptic_curve_keys(visitor: Browser, fake_provider: FakeProvider):
    fake_provider.keys = [rsa_key("one"), ec_key("curve")]
    token = partial(FakeProvider.id_token, fake_provider, key=ec_key("curve"))
    assert (await sign_in(visitor, fake_provider, token))[0] == 303


@pytest.mark.parametrize("has_kid", [True, False])
async def test_key_rotation(visitor: Browser, fake_provider: FakeProvider, has_kid: bool):
    for key, jwks_requests in [(rsa_key("one"), 1), (rsa_key("one"), 1), (rsa_key("two"), 2)]:
        fake_provider.keys = [key]
        token = partial(FakeProvider.id_token, fake_provider, kid=key.kid if has_kid else None)
        assert await sign_in(visitor, fake_provider, token) == (303, "")
        assert fake_provider.requested_paths.count("/jwks") == jwks_requests
