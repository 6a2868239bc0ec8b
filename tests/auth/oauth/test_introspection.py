"""What applications are told of tokens (RFC 7662), and how they ask."""

import pytest

from tests.auth.application import Application
from tests.auth.oauth.partner import Partner
from tests.clock import START, MovableClock


@pytest.mark.parametrize("token", ["nonsense", "rla_" + "x" * 43, "€\0", "x" * 10_000])
async def test_what_nobody_knows_is_revoked_already(partner: Partner, token: str):
    assert (await partner.revoke(token)).status_code == 200
    assert not await partner.is_active(token)


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", "nonsense", '"€'])
async def test_a_hint_is_a_hint(partner: Partner, hint: str):
    tokens = await partner.tokens()
    assert (await partner.introspect(tokens["access_token"], token_type_hint=hint)).json()["active"]
    assert (await partner.revoke(tokens["access_token"], token_type_hint=hint)).status_code == 200
    assert not await partner.is_active(tokens["access_token"])


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
async def test_no_token(partner: Partner, path: str):
    response = await partner.post(path, {})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_an_access_token_is_told(partner: Partner, alice: int):
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


async def test_an_application_on_its_own_is_told(partner: Partner):
    own = (await partner.token(grant_type="client_credentials", scope="classify")).json()
    document = (await partner.introspect(own["access_token"])).json()
    assert (document["sub"], document["scope"]) == (partner.client.id, "classify")
    assert "username" not in document


async def test_a_refresh_token_is_active_until_it_is_used(partner: Partner):
    tokens = await partner.tokens()
    assert await partner.is_active(tokens["refresh_token"])
    assert "token_type" not in (await partner.introspect(tokens["refresh_token"])).json()
    await partner.refresh(tokens["refresh_token"])
    assert not await partner.is_active(tokens["refresh_token"])


async def test_what_has_expired_is_not_active(partner: Partner, clock: MovableClock):
    tokens = await partner.tokens()
    clock.forward(600)
    assert not await partner.is_active(tokens["access_token"])
    assert await partner.is_active(tokens["refresh_token"])


async def test_a_trusted_application_looks_at_others_access_tokens(application: Application, partner: Partner):
    resource = Partner.register(application, partner.browser, trusted=True)
    tokens = await partner.tokens()
    assert (await resource.introspect(tokens["access_token"])).json()["client_id"] == partner.client.id
    assert not await resource.is_active(tokens["refresh_token"]), "shown to a resource, it is none of its tokens"


async def test_who_has_no_secret_may_not_introspect(application: Application, partner: Partner):
    public = Partner.register(application, partner.browser, public=True)
    tokens = await public.tokens()
    for form in ({"client_id": public.client.id}, {}, {"client_id": partner.client.id}):
        async with application.client() as backend:
            response = await backend.post("/oauth/introspect", data={"token": tokens["access_token"], **form})
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
        assert response.headers["www-authenticate"].startswith("Basic")
