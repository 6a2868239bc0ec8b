"""UserInfo endpoint."""

import httpx

from tests.auth.oauth.partner import Partner
from tests.auth.user_factory import UserFactory


async def userinfo(partner: Partner, method: str = "GET", **headers: str) -> httpx.Response:
    return await partner.browser.request(method, "/oauth/userinfo", headers=headers)


async def test_claims(partner: Partner, alice: int):
    tokens = await partner.tokens(scope="openid profile")
    for method in ("GET", "POST"):
        response = await userinfo(partner, method, Authorization=f"Bearer {tokens['access_token']}")
        assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
        assert response.json() == {
            "sub": str(alice),
            "preferred_username": "alice",
            "email": "alice@example.org",
            "email_verified": False,
        }


async def test_claims_without_profile(partner: Partner, alice: int):
    tokens = await partner.tokens(scope="openid classify")
    response = await userinfo(partner, Authorization=f"Bearer {tokens['access_token']}")
    assert response.json() == {"sub": str(alice)}


async def test_a_user_without_email(partner: Partner, factory: UserFactory):
    session = factory.issue(factory.add("bob", email=""))
    partner.browser.cookies.set(partner.application.auth.cookie.name, session)
    tokens = await partner.tokens(scope="openid profile")
    response = await userinfo(partner, Authorization=f"Bearer {tokens['access_token']}")
    assert "email" not in response.json()
    assert "email_verified" not in response.json()


async def test_a_session_cookie_does_not_count(partner: Partner):
    for method in ("GET", "POST"):
        response = await userinfo(partner, method)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_invalid_tokens(partner: Partner, factory: UserFactory, alice: int):
    login_token = factory.issue(alice, "token")
    for token in ("rla_" + "x" * 43, "nonsense", "rlr_x", "", "rls_x"):
        response = await userinfo(partner, Authorization=f"Bearer {token}")
        assert (response.status_code, response.json()["error"]) == (401, "invalid_token"), token
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    for header in (f"Bearer {login_token}", f"Token {login_token}"):
        response = await userinfo(partner, Authorization=header)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_token"), header


async def test_a_token_without_openid(partner: Partner):
    tokens = await partner.tokens(scope="classify")
    response = await userinfo(partner, Authorization=f"Bearer {tokens['access_token']}")
    assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")
    assert response.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="openid"'
