"""Arbitrary input causes neither server errors nor redirects to unregistered addresses."""

from typing import Any
from urllib.parse import quote_from_bytes

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.auth.oauth.partner import CALLBACK, Partner

MANY = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
# fmt: off
NAMES = st.sampled_from([
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge",
    "code_challenge_method", "nonce", "prompt", "max_age", "id_token_hint", "response_mode", "request",
    "request_uri", "grant_type", "code", "code_verifier", "refresh_token", "client_secret", "token",
    "token_type_hint", "csrf_token", "decision", "username", "password", "next",
])
WORDS = st.sampled_from([
    "code", "token", "S256", "plain", "none", "login", "consent", "0", "60", "classify", "admin", "openid",
    "authorization_code", "refresh_token", "client_credentials", "allow", "deny", "query", "form_post",
    "raylens-cli", "http://127.0.0.1:1/callback",
])
# fmt: on
VALUES = st.one_of(TEXT, WORDS)
CHANGES = st.dictionaries(NAMES, st.one_of(st.none(), VALUES), max_size=5)
PATHS = st.sampled_from(["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/authorize", "/oauth/sign-in"])


def is_handled(response: httpx.Response) -> bool:
    location = response.headers.get("location", "/")
    is_known = location.startswith((CALLBACK, "http://127.0.0.1:1/callback", "/")) and not location.startswith("//")
    return response.status_code < 500 and is_known


@MANY
@given(changes=CHANGES)
async def test_authorization_requests(partner: Partner, changes: dict[str, str | None]):
    assert is_handled(await partner.authorize(**changes))


@MANY
@given(form=st.dictionaries(NAMES, VALUES, max_size=6), path=PATHS, authenticated=st.booleans())
async def test_forms(partner: Partner, form: dict[str, str], path: str, authenticated: bool):
    options: dict[str, Any] = {"auth": (partner.client.id, partner.secret or "")} if authenticated else {}
    headers = {"Origin": partner.origin}
    assert is_handled(await partner.browser.post(path, data=form, headers=headers, **options))


@MANY
@given(body=st.binary(max_size=200), authorization=st.binary(max_size=60), path=PATHS, query=st.binary(max_size=60))
async def test_bytes(partner: Partner, body: bytes, authorization: bytes, path: str, query: bytes):
    headers = [
        (b"Authorization", b"Basic " + authorization),
        (b"Content-Type", b"application/x-www-form-urlencoded"),
        (b"Origin", partner.origin.encode()),
    ]
    url = f"{path}?{quote_from_bytes(query)}" if query else path
    assert is_handled(await partner.browser.post(url, content=body, headers=headers))
    assert is_handled(await partner.browser.get(url, headers=headers))
