"""What an application may ask wrongly, at the token endpoint."""

import base64
from typing import Any

import httpx
import pytest

from tests.auth.application import Application
from tests.auth.oauth.partner import HERE, SCOPES, VERIFIER, Partner
from tests.clock import MovableClock


def error_of(response: httpx.Response, status: int = 400) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    document = response.json()
    assert document.keys() <= {"error", "error_description"}
    assert document.get("error_description", "").isascii()
    return str(document["error"])


def refused_client(response: httpx.Response) -> bool:
    assert error_of(response, 401) == "invalid_client"
    return response.headers["www-authenticate"].startswith("Basic realm=")


def basic(text: str | bytes) -> dict[str, str]:
    encoded = text.encode() if isinstance(text, str) else text
    return {"Authorization": f"Basic {base64.b64encode(encoded).decode()}"}


async def post(partner: Partner, headers: Any, **form: str) -> httpx.Response:
    async with partner.application.client() as backend:
        return await backend.post("/oauth/token", data={"grant_type": "client_credentials", **form}, headers=headers)


async def test_a_secret_is_shown_in_either_way(partner: Partner):
    assert partner.secret
    id_, secret = partner.client.id, partner.secret
    assert (await post(partner, basic(f"{id_}:{secret}"))).status_code == 200
    assert (await post(partner, basic(f"{id_}:{secret}"), client_id=id_)).status_code == 200
    assert (await post(partner, {}, client_id=id_, client_secret=secret)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YQ",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode("€:€".encode()).decode(),
        "Bearer rla_x",
        "€",
        "Digest username=x",
        " ",
    ],
)
async def test_malformed_basic(partner: Partner, header: str):
    assert refused_client(await post(partner, {"Authorization": header.encode()}))


@pytest.mark.parametrize("secret", ["wrong", "rlx_" + "x" * 43, "", "€", "\0"])
async def test_a_wrong_secret(partner: Partner, secret: str):
    assert refused_client(await post(partner, basic(f"{partner.client.id}:{secret}")))
    assert refused_client(await post(partner, {}, client_id=partner.client.id, client_secret=secret))


async def test_no_secret_where_one_is_needed(partner: Partner):
    assert refused_client(await post(partner, {}, client_id=partner.client.id))
    assert refused_client(await post(partner, {}))


async def test_an_unknown_application(partner: Partner):
    assert refused_client(await post(partner, basic("nobody:secret")))
    assert refused_client(await post(partner, {}, client_id="nobody"))
    assert refused_client(await post(partner, {}, client_id="\0' €"))


async def test_a_secret_for_an_application_without(application: Application, partner: Partner):
    public = Partner.register(application, partner.browser, public=True)
    assert refused_client(await post(partner, basic(f"{public.client.id}:something")))
    assert error_of(await post(partner, basic(f"{public.client.id}:"))) == "unauthorized_client"


async def test_another_ones_secret(application: Application, partner: Partner):
    other = Partner.register(application, partner.browser)
    assert refused_client(await post(partner, basic(f"{partner.client.id}:{other.secret}")))


async def test_a_secret_that_was_replaced(application: Application, partner: Partner):
    new = application.auth.clients.rotate_secret(partner.client.id, actor_id=None, source=HERE)
    assert refused_client(await post(partner, basic(f"{partner.client.id}:{partner.secret}")))
    assert (await post(partner, basic(f"{partner.client.id}:{new}"))).status_code == 200


async def test_a_disabled_application(application: Application, partner: Partner):
    application.auth.clients.update(partner.client.id, disabled=True, actor_id=None, source=HERE)
    assert refused_client(await partner.token(grant_type="client_credentials"))


async def test_two_ways_at_once(partner: Partner):
    header = basic(f"{partner.client.id}:{partner.secret}")
    assert error_of(await post(partner, header, client_secret=partner.secret or "")) == "invalid_request"
    assert error_of(await post(partner, header, client_id="other")) == "invalid_request"


@pytest.mark.parametrize("verifier", ["wrong", "x" * 43, VERIFIER + "x", VERIFIER + "\n", "€" * 43, "x" * 129])
async def test_a_wrong_verifier(partner: Partner, verifier: str):
    code = await partner.code()
    assert error_of(await partner.redeem(code, code_verifier=verifier)) == "invalid_grant"
    assert (await partner.redeem(code)).status_code == 200, "whoever does not know it cannot spoil it"


async def test_no_verifier(partner: Partner):
    assert error_of(await partner.redeem(await partner.code(), code_verifier=None)) == "invalid_request"


@pytest.mark.parametrize("uri", [None, "https://partner.example/other", '"€'])
async def test_another_redirect_uri(partner: Partner, uri: str | None):
    assert error_of(await partner.redeem(await partner.code(), redirect_uri=uri)) == "invalid_grant"


async def test_an_expired_code(partner: Partner, clock: MovableClock):
    code = await partner.code()
    clock.forward(60)
    assert error_of(await partner.redeem(code)) == "invalid_grant"


async def test_a_foreign_code(application: Application, partner: Partner):
    other = Partner.register(application, partner.browser)
    code = await partner.code()
    assert error_of(await other.redeem(code)) == "invalid_grant"
    assert (await partner.redeem(code)).status_code == 200


@pytest.mark.parametrize("code", ["nonsense", "rlc_" + "x" * 43, "€\0", "x" * 10_000])
async def test_an_unknown_code(partner: Partner, code: str):
    assert error_of(await partner.redeem(code)) == "invalid_grant"


async def test_no_code(partner: Partner):
    assert error_of(await partner.token(grant_type="authorization_code")) == "invalid_request"
    assert error_of(await partner.token(grant_type="refresh_token")) == "invalid_request"


async def test_an_expired_refresh_token(partner: Partner, clock: MovableClock):
    tokens = await partner.tokens()
    clock.forward(14 * 86_400)
    assert error_of(await partner.refresh(tokens["refresh_token"])) == "invalid_grant"


async def test_a_foreign_refresh_token(application: Application, partner: Partner):
    other = Partner.register(application, partner.browser)
    tokens = await partner.tokens()
    assert error_of(await other.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert (await partner.refresh(tokens["refresh_token"])).status_code == 200


async def test_one_kind_of_token_for_another(partner: Partner):
    tokens = await partner.tokens()
    assert error_of(await partner.refresh(tokens["access_token"])) == "invalid_grant"
    assert error_of(await partner.redeem(tokens["refresh_token"])) == "invalid_grant"
    assert not await partner.is_let_in(tokens["refresh_token"])
    assert not await partner.is_let_in(await partner.code())


async def test_more_scopes_than_were_given(partner: Partner):
    tokens = await partner.tokens()
    for scope in ("classify history:read", "nonsense", '"€'):
        assert error_of(await partner.refresh(tokens["refresh_token"], scope=scope)) == "invalid_scope"
    fewer = await partner.refresh(tokens["refresh_token"], scope="classify")
    assert fewer.json()["scope"] == "classify"
    again = await partner.refresh(fewer.json()["refresh_token"])
    assert again.json()["scope"] == "classify profile", "the refresh token still stands for all of them"


@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token", "client_credentials"])
async def test_a_grant_not_allowed(application: Application, partner: Partner, grant: str):
    others = {"authorization_code", "client_credentials"} - {grant}
    lacking = Partner.register(application, partner.browser, grants=others)
    form = {"code": "x", "refresh_token": "x"}
    assert error_of(await lacking.token(grant_type=grant, **form)) == "unauthorized_client"


@pytest.mark.parametrize("grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", '"€'])
async def test_a_grant_there_is_not(partner: Partner, grant: str):
    assert error_of(await partner.token(grant_type=grant)) == "unsupported_grant_type"


async def test_no_grant(partner: Partner):
    assert error_of(await partner.token(scope="classify")) == "invalid_request"


async def test_scopes_of_an_application_on_its_own(application: Application, partner: Partner):
    every = Partner.register(application, partner.browser, scopes=[*SCOPES, "admin"])
    own = await every.token(grant_type="client_credentials")
    assert own.json()["scope"] == "classify history:read"
    assert own.json()["expires_in"] == 900
    assert "refresh_token" not in own.json()
    for scope in ("admin", "openid", "profile", "history:write", "nonsense", '"€'):
        response = await every.token(grant_type="client_credentials", scope=scope)
        assert error_of(response) == "invalid_scope", scope


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"json": {"grant_type": "client_credentials", "token": "x"}}, 400),
        ({"files": {"grant_type": b"client_credentials"}}, 400),
        ({"content": b"grant_type=client_credentials&token=x"}, 400),
        ({"content": b"grant_type=client_credentials", "headers": {"Content-Type": "text/plain"}}, 400),
        ({"data": {"grant_type": ["client_credentials", "client_credentials"], "token": "x"}}, 400),
        ({"data": {"grant_type": "client_credentials", "token": "x", "extra": ["1", "2"]}}, 400),
        ({"data": {"grant_type": "client_credentials", "token": "x"}, "params": {"scope": "classify"}}, 400),
        ({"params": {"grant_type": "client_credentials", "token": "x"}, "data": {}}, 400),
        ({"content": b"grant_type=%ff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 400),
        ({"content": b"grant_type=\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 400),
        ({"data": {f"name{number}": "x" for number in range(101)}}, 400),
        ({"data": {"grant_type": "x" * 70_000}}, 413),
    ],
)
async def test_a_body_that_is_no_good_form(partner: Partner, path: str, request_: dict[str, Any], status: int):
    async with partner.application.client() as backend:
        response = await backend.post(path, auth=(partner.client.id, partner.secret or ""), **request_)
    assert error_of(response, status) == "invalid_request"


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
async def test_these_are_asked_with_post(partner: Partner, path: str):
    assert (await partner.browser.get(path)).status_code == 405


async def test_a_parameter_without_a_value_counts_as_left_out(partner: Partner):
    response = await partner.token(grant_type="client_credentials", scope="", client_secret="")
    assert response.json()["scope"] == "classify history:read"
