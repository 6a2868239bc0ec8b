"""Token introspection (RFC 7662)."""

import pytest

from tests.auth.application import Application
from tests.auth.oauth.partner import Partner
from tests.clock import START, MovableClock


async def test_an_unknown_token_is_inactive_and_revoked(partner: Partner):
    for token in ("nonsense", "rla_" + "x" * 43, "€\0", "x" * 10_000):
        assert (await partner.revoke(token)).status_code == 200
        assert not await partner.is_active(token)


async def test_a_token_type_hint_is_optional(partner: Partner):
    for hint in ("access_token", "refresh_token", "id_token", "nonsense", '"€'):
        tokens = await partner.tokens()
        assert (await partner.introspect(tokens["access_token"], token_type_hint=hint)).json()["active"]
        assert (await partner.revoke(tokens["access_token"], token_type_hint=hint)).status_code == 200
        assert not await partner.is_active(tokens["access_token"])


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
async def test_a_missing_token(partner: Partner, path: str):
    response = await partner.post(path, {})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_an_access_token(partner: Partner, alice: int):
    tokens = await partner.tokens()
    assert (await partner.introspect(tokens["access_token"])).json() == {
        "active": True,
        "iss": "http://localhost:8000",
        "client_id": partner.client.id,
        "sub": str(alice),
        "username": "alice",
        "scope": "classify profile",
        "token_type": "Bearer",
        "iat": START,
        "exp": START + 600,
    }


async def test_a_token_for_client_credentials(partner: Partner):
    own = (await partner.token(grant_type="client_credentials", scope="classify")).json()
    document = (await partner.introspect(own["access_token"])).json()
    assert (document["sub"], document["scope"]) == (partner.client.id, "classify")
    assert "username" not in document


async def test_a_refresh_token_is_active_until_used(partner: Partner):
    tokens = await partner.tokens()
    assert await partner.is_active(tokens["refresh_token"])
    assert "token_type" not in (await partner.introspect(tokens["refresh_token"])).json()
    await partner.refresh(tokens["refresh_token"])
    assert not await partner.is_active(tokens["refresh_token"])


async def test_an_expired_token_is_inactive(partner: Partner, clock: MovableClock):
    tokens = await partner.tokens()
    clock.forward(600)
    assert not await partner.is_active(tokens["access_token"])
    assert await partner.is_active(tokens["refresh_token"])


async def test_a_trusted_client_introspects_access_tokens_of_others(application: Application, partner: Partner):
    resource = Partner.register(application, partner.browser, trusted=True)
    tokens = await partner.tokens()
    assert (await resource.introspect(tokens["access_token"])).json()["client_id"] == partner.client.id
    assert not await resource.is_active(tokens["refresh_token"])


async def test_a_public_client_may_not_introspect(application: Application, partner: Partner):
    public = Partner.register(application, partner.browser, public=True)
    tokens = await public.tokens()
    for form in ({"client_id": public.client.id}, {}, {"client_id": partner.client.id}):
        async with application.client() as backend:
            response = await backend.post("/oauth/introspect", data={"token": tokens["access_token"], **form})
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
        assert response.headers["www-authenticate"].startswith("Basic")
