"""Invalid requests to the token endpoint."""

import base64
from typing import Any

import httpx
import pytest

from tests.auth.application import Application
from tests.auth.oauth.partner import SCOPES, SOURCE, VERIFIER, Partner
from tests.clock import MovableClock

PATHS = ("/oauth/token", "/oauth/revoke", "/oauth/introspect")


def error_of(response: httpx.Response, status: int = 400) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    document = response.json()
    assert document.keys() <= {"error", "error_description"}
    assert document.get("error_description", "").isascii()
    return str(document["error"])


def is_invalid_client(response: httpx.Response) -> bool:
    assert error_of(response, 401) == "invalid_client"
    return response.headers["www-authenticate"].startswith("Basic realm=")


def basic(text: str | bytes) -> dict[str, str]:
    encoded = text.encode() if isinstance(text, str) else text
    return {"Authorization": f"Basic {base64.b64encode(encoded).decode()}"}


async def post(partner: Partner, headers: Any, **form: str) -> httpx.Response:
    async with partner.application.client() as backend:
        return await backend.post("/oauth/token", data={"grant_type": "client_credentials", **form}, headers=headers)


async def test_both_methods_of_client_authentication(partner: Partner):
    assert partner.secret
    id_, secret = partner.client.id, partner.secret
    header = basic(f"{id_}:{secret}")
    assert (await post(partner, header)).status_code == 200
    assert (await post(partner, header, client_id=id_)).status_code == 200
    assert (await post(partner, {}, client_id=id_, client_secret=secret)).status_code == 200
    assert error_of(await post(partner, header, client_secret=secret)) == "invalid_request", "both at once"
    assert error_of(await post(partner, header, client_id="other")) == "invalid_request"


async def test_malformed_basic_headers(partner: Partner):
    headers = [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YQ",
        basic("no colon")["Authorization"],
        basic(b"\xff\xfe:\xff")["Authorization"],
        basic("€:€")["Authorization"],
        "Bearer rla_x",
        "€",
        "Digest username=x",
        " ",
    ]
    for header in headers:
        assert is_invalid_client(await post(partner, {"Authorization": header.encode()})), header


async def test_a_wrong_or_missing_secret(application: Application, partner: Partner):
    id_, other = partner.client.id, Partner.register(application, partner.browser)
    for secret in ("wrong", "rlx_" + "x" * 43, "", "€", "\0", other.secret or ""):
        assert is_invalid_client(await post(partner, basic(f"{id_}:{secret}"))), secret
        assert is_invalid_client(await post(partner, {}, client_id=id_, client_secret=secret)), secret
    assert is_invalid_client(await post(partner, {}, client_id=id_))
    assert is_invalid_client(await post(partner, {}))


async def test_an_unknown_client(partner: Partner):
    assert is_invalid_client(await post(partner, basic("nobody:secret")))
    assert is_invalid_client(await post(partner, {}, client_id="nobody"))
    assert is_invalid_client(await post(partner, {}, client_id="\0' €"))


async def test_a_secret_of_a_public_client(application: Application, partner: Partner):
    public = Partner.register(application, partner.browser, public=True)
    assert is_invalid_client(await post(partner, basic(f"{public.client.id}:something")))
    assert error_of(await post(partner, basic(f"{public.client.id}:"))) == "unauthorized_client"


async def test_rotated_secrets_and_disabled_clients(application: Application, partner: Partner):
    clients, id_ = application.auth.clients, partner.client.id
    new = clients.rotate_secret(id_, actor_id=None, source=SOURCE)
    assert is_invalid_client(await post(partner, basic(f"{id_}:{partner.secret}")))
    assert (await post(partner, basic(f"{id_}:{new}"))).status_code == 200
    clients.update(id_, disabled=True, actor_id=None, source=SOURCE)
    assert is_invalid_client(await post(partner, basic(f"{id_}:{new}")))


async def test_a_wrong_verifier_or_redirect_uri(partner: Partner):
    code = await partner.code()
    for verifier in ("wrong", "x" * 43, VERIFIER + "x", VERIFIER + "\n", "€" * 43, "x" * 129):
        assert error_of(await partner.redeem(code, code_verifier=verifier)) == "invalid_grant", verifier
    for uri in (None, "https://partner.example/other", '"€'):
        assert error_of(await partner.redeem(code, redirect_uri=uri)) == "invalid_grant", uri
    assert error_of(await partner.redeem(code, code_verifier=None)) == "invalid_request"
    assert (await partner.redeem(code)).status_code == 200, "failed attempts do not use the code"


async def test_an_expired_code(partner: Partner, clock: MovableClock):
    code = await partner.code()
    clock.forward(60)
    assert error_of(await partner.redeem(code)) == "invalid_grant"


async def test_an_unknown_or_missing_code(partner: Partner):
    for code in ("nonsense", "rlc_" + "x" * 43, "€\0", "x" * 10_000):
        assert error_of(await partner.redeem(code)) == "invalid_grant", code
    assert error_of(await partner.token(grant_type="authorization_code")) == "invalid_request"
    assert error_of(await partner.token(grant_type="refresh_token")) == "invalid_request"


async def test_an_expired_refresh_token(partner: Partner, clock: MovableClock):
    tokens = await partner.tokens()
    clock.forward(14 * 86_400)
    assert error_of(await partner.refresh(tokens["refresh_token"])) == "invalid_grant"


async def test_a_code_and_a_refresh_token_of_another_client(application: Application, partner: Partner):
    other = Partner.register(application, partner.browser)
    code, tokens = await partner.code(), await partner.tokens()
    assert error_of(await other.redeem(code)) == "invalid_grant"
    assert (await partner.redeem(code)).status_code == 200
    assert error_of(await other.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert (await partner.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_token_of_the_wrong_kind(partner: Partner):
    tokens = await partner.tokens()
    assert error_of(await partner.refresh(tokens["access_token"])) == "invalid_grant"
    assert error_of(await partner.redeem(tokens["refresh_token"])) == "invalid_grant"
    assert not await partner.is_accepted(tokens["refresh_token"])
    assert not await partner.is_accepted(await partner.code())


async def test_a_refresh_cannot_add_scopes(partner: Partner):
    tokens = await partner.tokens()
    for scope in ("classify history:read", "nonsense", '"€'):
        assert error_of(await partner.refresh(tokens["refresh_token"], scope=scope)) == "invalid_scope"
    fewer = await partner.refresh(tokens["refresh_token"], scope="classify")
    assert fewer.json()["scope"] == "classify"
    again = await partner.refresh(fewer.json()["refresh_token"])
    assert again.json()["scope"] == "classify profile", "the refresh token keeps all scopes"


@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token", "client_credentials"])
async def test_a_client_without_the_grant_type(application: Application, partner: Partner, grant: str):
    others = {"authorization_code", "client_credentials"} - {grant}
    lacking = Partner.register(application, partner.browser, grants=others)
    form = {"code": "x", "refresh_token": "x"}
    assert error_of(await lacking.token(grant_type=grant, **form)) == "unauthorized_client"


async def test_an_unsupported_grant_type(partner: Partner):
    for grant_type in ("password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", '"€'):
        assert error_of(await partner.token(grant_type=grant_type)) == "unsupported_grant_type"
    assert error_of(await partner.token(scope="classify")) == "invalid_request"


async def test_scopes_of_client_credentials(application: Application, partner: Partner):
    every = Partner.register(application, partner.browser, scopes=[*SCOPES, "admin"])
    own = (await every.token(grant_type="client_credentials")).json()
    assert (own["scope"], own["expires_in"]) == ("classify history:read", 900)
    assert "refresh_token" not in own
    for scope in ("admin", "openid", "profile", "history:write", "nonsense", '"€'):
        response = await every.token(grant_type="client_credentials", scope=scope)
        assert error_of(response) == "invalid_scope", scope


async def test_a_parameter_without_a_value_counts_as_omitted(partner: Partner):
    response = await partner.token(grant_type="client_credentials", scope="", client_secret="")
    assert response.json()["scope"] == "classify history:read"


FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
INVALID_BODIES: list[dict[str, Any]] = [
    {"json": {"grant_type": "client_credentials", "token": "x"}},
    {"files": {"grant_type": b"client_credentials"}},
    {"content": b"grant_type=client_credentials&token=x"},
    {"content": b"grant_type=client_credentials", "headers": {"Content-Type": "text/plain"}},
    {"data": {"grant_type": ["client_credentials", "client_credentials"], "token": "x"}},
    {"data": {"grant_type": "client_credentials", "token": "x", "extra": ["1", "2"]}},
    {"data": {"grant_type": "client_credentials", "token": "x"}, "params": {"scope": "classify"}},
    {"params": {"grant_type": "client_credentials", "token": "x"}, "data": {}},
    {"content": b"grant_type=%ff", "headers": FORM_TYPE},
    {"content": b"grant_type=\xff", "headers": FORM_TYPE},
    {"data": {f"name{number}": "x" for number in range(101)}},
    {"data": {"grant_type": "x" * 70_000}},
]


@pytest.mark.parametrize("path", PATHS)
async def test_an_invalid_form(partner: Partner, path: str):
    async with partner.application.client() as backend:
        for body in INVALID_BODIES:
            response = await backend.post(path, auth=(partner.client.id, partner.secret or ""), **body)
            status = 413 if body == INVALID_BODIES[-1] else 400
            assert error_of(response, status) == "invalid_request", body
        assert (await backend.get(path)).status_code == 405
