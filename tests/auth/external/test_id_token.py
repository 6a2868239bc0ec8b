"""An id_token is believed only if all of it is right."""

import base64
import hmac
import json
from typing import Any

import pytest

from auth.audit import AuditEvent
from tests.auth.application import Application
from tests.auth.external.false_provider import FalseProvider, ec_key, rsa_key
from tests.auth.external.traveller import Departure, Traveller


async def sign_in(traveller: Traveller, provider: FalseProvider, token: Any = None) -> tuple[int, str]:
    """Status and text of what comes of it; ``token`` makes the id_token from the departure."""
    departure = await traveller.depart()
    if token:
        provider.id_token = token  # type: ignore[method-assign]
    back = await traveller.come_back(departure, code=provider.code_for(departure))
    return back.status_code, back.text


async def test_an_honest_one_signs_in(believer: Traveller, false_provider: FalseProvider):
    assert (await sign_in(believer, false_provider))[0] == 303
    assert await believer.name() == "some.body"
    assert false_provider.asked == ["/.well-known/openid-configuration", "/token", "/jwks"]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        pytest.param({"iss": "https://other.example"}, "invalid_claim: iss", id="another issuer's"),
        pytest.param({"iss": None}, "missing_claim: iss", id="nobody's"),
        pytest.param({"aud": "them"}, "invalid_claim: aud", id="for another application"),
        pytest.param({"aud": ["them", "those"]}, "invalid_claim: aud", id="for others"),
        pytest.param({"aud": None}, "missing_claim: aud", id="for nobody"),
        pytest.param({"aud": ["us", "them"]}, "another application", id="for several, made for none"),
        pytest.param({"aud": ["us", "them"], "azp": "them"}, "another application", id="for several, made for them"),
        pytest.param({"azp": "them"}, "another application", id="made for another application"),
        pytest.param({"nonce": None}, "missing_claim: nonce", id="no nonce"),
        pytest.param({"nonce": "x" * 43}, "invalid_claim: nonce", id="of another sign-in"),
        pytest.param({"exp": None}, "missing_claim: exp", id="for ever"),
        pytest.param({"exp": "tomorrow"}, "invalid_claim: exp", id="until some time"),
        pytest.param({"iat": None}, "missing_claim: iat", id="of no time"),
        pytest.param({"sub": None}, "missing_claim: sub", id="of nobody"),
        pytest.param({"sub": 7}, "invalid_claim: sub", id="of a number"),
        pytest.param({"sub": ""}, "invalid_claim: sub", id="of an empty name"),
        pytest.param({"sub": "somebody "}, "not allowed", id="of a name with a space"),
        pytest.param({"sub": "x" * 256}, "not allowed", id="of a long name"),
        pytest.param({"sub": "ä"}, "not allowed", id="of a name beyond ASCII"),
    ],
)
async def test_what_is_wrong_is_not_believed(
    misled: Application, believer: Traveller, false_provider: FalseProvider, claims: dict[str, Any], said: str
):
    false_provider.claims = claims
    status, text = await sign_in(believer, false_provider)
    assert status == 502
    assert said in text
    assert await believer.name() is None
    (entry,) = misled.auth.audit.entries()
    assert (entry.event, entry.detail) == (AuditEvent.SIGN_IN_FAILED, {"provider": "idp", "reason": "provider_fault"})


@pytest.mark.parametrize(("seconds", "status"), [(-59, 303), (-61, 502)])
async def test_it_ends(believer: Traveller, false_provider: FalseProvider, seconds: int, status: int):
    false_provider.claims = {"exp": int(false_provider.clock()) + seconds}
    assert (await sign_in(believer, false_provider))[0] == status


@pytest.mark.parametrize(("name", "seconds", "status"), [("iat", 59, 303), ("iat", 90, 502), ("nbf", 90, 502)])
async def test_it_begins(believer: Traveller, false_provider: FalseProvider, name: str, seconds: int, status: int):
    false_provider.claims = {name: int(false_provider.clock()) + seconds}
    assert (await sign_in(believer, false_provider))[0] == status


async def test_one_for_several_made_for_us(believer: Traveller, false_provider: FalseProvider):
    false_provider.claims = {"aud": ["them", "us"], "azp": "us"}
    assert (await sign_in(believer, false_provider))[0] == 303


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _part(content: Any) -> str:
    return _encoded(json.dumps(content).encode())


def _unsigned(provider: FalseProvider, departure: Departure) -> str:
    _, payload, _ = FalseProvider.id_token(provider, departure).split(".")
    return f"{_part({'alg': 'none'})}.{payload}."


def _tampered(provider: FalseProvider, departure: Departure) -> str:
    header, payload, signature = FalseProvider.id_token(provider, departure).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{_part(claims | {'sub': 'root'})}.{signature}"


def _hashed(provider: FalseProvider, departure: Departure, secret: bytes) -> str:
    _, payload, _ = FalseProvider.id_token(provider, departure).split(".")
    message = f"{_part({'alg': 'HS256', 'kid': 'one'})}.{payload}"
    return (
        f"{message}.{base64.urlsafe_b64encode(hmac.digest(secret, message.encode(), 'sha256')).rstrip(b'=').decode()}"
    )


def _of_the_public_key(provider: FalseProvider, departure: Departure) -> str:
    """The classic: what everybody knows, taken for the secret of an HMAC."""
    return _hashed(provider, departure, rsa_key("one").as_pem(private=False))


def _of_the_client_secret(provider: FalseProvider, departure: Departure) -> str:
    return _hashed(provider, departure, provider.client_secret.encode())


def _of_another_key(provider: FalseProvider, departure: Departure) -> str:
    return FalseProvider.id_token(provider, departure, rsa_key("another"), kid="one")


def _of_a_key_it_brings_along(provider: FalseProvider, departure: Departure) -> str:
    key = rsa_key("another")
    return FalseProvider.id_token(provider, departure, key, jwk=key.as_dict(private=False))


FORGED = [_unsigned, _tampered, _of_the_public_key, _of_the_client_secret, _of_another_key, _of_a_key_it_brings_along]


@pytest.mark.parametrize("forge", FORGED)
@pytest.mark.parametrize("algorithms", [["RS256"], ["RS256", "HS256", "none"]])
async def test_a_forged_one_is_not_believed(
    believer: Traveller, false_provider: FalseProvider, forge: Any, algorithms: list[str]
):
    """Whatever the provider's metadata allow."""
    false_provider.metadata["id_token_signing_alg_values_supported"] = algorithms
    status, text = await sign_in(believer, false_provider, lambda departure: forge(false_provider, departure))
    assert status == 502
    assert "not signed with a key of the provider&#39;s" in text
    assert await believer.name() is None


@pytest.mark.parametrize(
    "token", [None, 7, "", "x", "a.b.c", "..", "ä.ä.ä", "W10.e30.", f"{_part({'alg': 'RS256'})}.[[."]
)
async def test_what_is_no_token(believer: Traveller, false_provider: FalseProvider, token: Any):
    status, text = await sign_in(believer, false_provider, lambda _departure: token)
    assert status == 502
    assert "id_token" in text


async def test_elliptic_curves_will_do(believer: Traveller, false_provider: FalseProvider):
    false_provider.keys = [rsa_key("one"), ec_key("curve")]
    status, _ = await sign_in(
        believer, false_provider, lambda departure: FalseProvider.id_token(false_provider, departure, ec_key("curve"))
    )
    assert status == 303


@pytest.mark.parametrize("old", ["one", None])
async def test_a_provider_may_change_its_keys(believer: Traveller, false_provider: FalseProvider, old: str | None):
    """With a new kid, or with none to tell them apart."""
    for key, jwks_asked in [(rsa_key("one"), 1), (rsa_key("one"), 1), (rsa_key("two"), 2)]:
        false_provider.keys = [key]
        kid = key.kid if old else None
        status, text = await sign_in(
            believer,
            false_provider,
            lambda departure, kid=kid: FalseProvider.id_token(false_provider, departure, kid=kid),
        )
        assert (status, text) == (303, "")
        assert false_provider.asked.count("/jwks") == jwks_asked
