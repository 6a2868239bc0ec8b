"""Who a user is, for who holds an access token."""

import httpx
import pytest

from tests.auth.oauth.partner import Partner
from tests.auth.user_factory import UserFactory


async def userinfo(partner: Partner, method: str = "GET", **headers: str) -> httpx.Response:
    return await partner.browser.request(method, "/oauth/userinfo", headers=headers)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_userinfo(partner: Partner, alice: int, method: str):
    tokens = await partner.tokens(scope="openid profile")
    response = await userinfo(partner, method, Authorization=f"Bearer {tokens['access_token']}")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert response.json() == {
        "sub": str(alice),
        "preferred_username": "alice",
        "email": "alice@example.org",
        "email_verified": False,
    }


async def test_userinfo_tells_no_more_than_was_allowed(partner: Partner, alice: int):
    tokens = await partner.tokens(scope="openid classify")
    response = await userinfo(partner, Authorization=f"Bearer {tokens['access_token']}")
    assert response.json() == {"sub": str(alice)}


async def test_userinfo_of_who_has_no_email(partner: Partner, factory: UserFactory):
    session = factory.issue(factory.add("bob", email=""))
    partner.browser.cookies.set(partner.application.auth.cookie.name, session)
    tokens = await partner.tokens(scope="openid profile")
    response = await userinfo(partner, Authorization=f"Bearer {tokens['access_token']}")
    assert "email" not in response.json()
    assert "email_verified" not in response.json()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_userinfo_without_a_token(partner: Partner, method: str):
    """Although the browser has the cookie of a session."""
    response = await userinfo(partner, method)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("token", ["rla_" + "x" * 43, "nonsense", "rlr_x", "", "rls_x"])
async def test_userinfo_with_a_bad_token(partner: Partner, token: str):
    response = await userinfo(partner, Authorization=f"Bearer {token}")
    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_userinfo_with_what_is_no_access_token(partner: Partner, factory: UserFactory, alice: int):
    for header in (f"Bearer {factory.issue(alice, 'token')}", f"Token {factory.issue(alice, 'token')}"):
        response = await userinfo(partner, Authorization=header)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_token")


async def test_userinfo_without_openid(partner: Partner):
    tokens = await partner.tokens(scope="classify")
    response = await userinfo(partner, Authorization=f"Bearer {tokens['access_token']}")
    assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")
    assert response.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="openid"'
