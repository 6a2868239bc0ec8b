"""Invalid requests to the authorization endpoint."""

from typing import Any
from urllib.parse import urlencode

import httpx

from auth.oauth.authorization_request import MAX_NONCE_LENGTH
from tests.auth.application import Application, create
from tests.auth.oauth.partner import CALLBACK, SOURCE, VERIFIER, Partner, challenge_of, parameters_of
from tests.auth.user_factory import UserFactory


def is_error_page(response: httpx.Response) -> bool:
    """Not a redirect, because the address may belong to anyone."""
    assert "location" not in response.headers
    assert response.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    return response.status_code == 400


async def test_an_unknown_client(partner: Partner):
    ids = [None, "", "nobody", "raylens-cli ", "RAYLENS-CLI", "x" * 5000, "' OR 1=1 --", "\0", "€", "<b>"]
    for client_id in ids:
        response = await partner.authorize(client_id=client_id)
        assert is_error_page(response), client_id
        assert "Unknown application: check client_id." in response.text
        assert "<b>" not in response.text


async def test_an_unregistered_redirect_uri(partner: Partner):
    uris = [
        None,
        "",
        "https://evil.example/callback",
        "https://partner.example",
        "https://partner.example/callback/",
        "https://partner.example/Callback",
        "https://partner.example/callback?a=b",
        "https://partner.example/callback#part",
        "https://partner.example:443/callback",
        "https://partner.example@evil.example/callback",
        "http://partner.example/callback",
        " https://partner.example/callback",
        "//partner.example/callback",
        "javascript:alert(1)",
        'https://partner.example/callback"',
        "https://partner.example/callback€",
        "\\",
        "x" * 5000,
    ]
    for uri in uris:
        assert is_error_page(await partner.authorize(redirect_uri=uri)), uri


async def test_a_disabled_client(application: Application, partner: Partner):
    application.auth.clients.update(partner.client.id, disabled=True, actor_id=None, source=SOURCE)
    assert is_error_page(await partner.authorize())


async def test_repeated_and_malformed_parameters(partner: Partner):
    query = partner.query()
    for name in ("client_id", "redirect_uri"):
        repeated = urlencode([*query.items(), (name, query[name])])
        assert is_error_page(await partner.browser.get(f"/oauth/authorize?{repeated}")), name
    for malformed in ("client_id=%ff", "client_id=%C3%28", "&".join(f"a{n}=1" for n in range(101))):
        assert is_error_page(await partner.browser.get(f"/oauth/authorize?{malformed}")), malformed
    repeated = urlencode([*query.items(), ("scope", "classify")])
    assert parameters_of(await partner.browser.get(f"/oauth/authorize?{repeated}"))["error"] == "invalid_request"


ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "s256"}, "invalid_request"),
    ({"code_challenge": "too-short"}, "invalid_request"),
    ({"code_challenge": challenge_of(VERIFIER) + "\n"}, "invalid_request"),
    ({"code_challenge": "a" * 128 + "\n"}, "invalid_request"),
    ({"code_challenge": "€" * 43}, "invalid_request"),
    ({"response_type": None}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_type": '"'}, "unsupported_response_type"),
    ({"response_type": "€"}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"response_mode": "form_post"}, "invalid_request"),
    ({"scope": "classify history:write"}, "invalid_scope"),
    ({"scope": "classify admin"}, "invalid_scope"),
    ({"scope": "classify nonsense"}, "invalid_scope"),
    ({"scope": "Classify"}, "invalid_scope"),
    ({"scope": '"€'}, "invalid_scope"),
    ({"scope": " "}, "invalid_scope"),
    ({"request": "a.b.c"}, "request_not_supported"),
    ({"request_uri": "https://partner.example/request"}, "request_uri_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "soon"}, "invalid_request"),
    ({"max_age": "1_0"}, "invalid_request"),
    ({"max_age": "٣"}, "invalid_request"),
    ({"max_age": "9" * 40}, "invalid_request"),
    ({"nonce": "n" * (MAX_NONCE_LENGTH + 1)}, "invalid_request"),
    ({"id_token_hint": "none of ours"}, "invalid_request"),
    ({"id_token_hint": "€.€.€"}, "invalid_request"),
]


async def test_other_errors_are_returned_to_the_client(partner: Partner):
    for changes, error in ERRORS:
        parameters = parameters_of(await partner.authorize(**changes))
        assert parameters.pop("error_description")
        assert parameters == {"error": error, "state": "a state", "iss": "http://localhost:8000"}, changes


async def test_the_state_is_returned_unchanged(partner: Partner):
    state = "\"<ü€\U0001f600>'&=%00\r\nSet-Cookie: a=b" + "x" * 2000
    response = await partner.authorize(state=state, scope="nonsense")
    assert parameters_of(response)["state"] == state
    assert "set-cookie" not in response.headers
    assert parameters_of(await partner.decide(await partner.authorize(state=state)))["state"] == state


async def test_a_client_without_the_grant_type(application: Application, partner: Partner):
    machine = Partner.register(application, partner.browser, grants=["client_credentials"], redirect_uris=[CALLBACK])
    assert parameters_of(await machine.authorize())["error"] == "unauthorized_client"


async def test_a_user_cannot_grant_more_than_their_own_scopes(
    application: Application, partner: Partner, factory: UserFactory
):
    tool = Partner.register(application, partner.browser, scopes=["classify", "admin"], trusted=True)
    assert parameters_of(await tool.authorize(scope="classify admin"))["error"] == "invalid_scope"
    tool.browser.cookies.set(application.auth.cookie.name, factory.issue(factory.add("root", role="admin")))
    assert (await tool.tokens(scope="classify admin"))["scope"] == "admin classify"
    assert (await tool.tokens(scope=None))["scope"] == "classify", "admin must be requested by name"


async def test_an_invalid_form(partner: Partner):
    assert is_error_page(await partner.browser.post("/oauth/authorize", json={"decision": "allow"}))
    response = await partner.browser.post("/oauth/authorize", data={"a": "b" * 70_000})
    assert response.status_code == 413


async def test_a_public_url_without_https(application: Application, partner: Partner, factory: UserFactory):
    url = "http://raylens.example"
    plain = create(factory.engine, application.clock, public_url=url, public_url_is_given=True)
    async with plain.client() as browser:
        response = await browser.get("/oauth/authorize", params=partner.query())
        assert is_error_page(response)
        assert "RAYLENS_PUBLIC_URL" in response.text
        token = await browser.post("/oauth/token", data={"grant_type": "client_credentials"})
        assert (token.status_code, token.json()["error"]) == (400, "invalid_request")


async def test_plain_http_behind_a_tls_proxy(application: Application, factory: UserFactory, alice: int):
    url = "https://raylens.example"
    behind = create(factory.engine, application.clock, public_url=url, public_url_is_given=True)
    async with behind.client() as browser:
        browser.base_url = httpx.URL("http://10.0.0.7:8000")
        browser.cookies.set(behind.auth.cookie.name, factory.issue(alice))
        partner = Partner.register(behind, browser)
        assert parameters_of(await partner.decide(await partner.authorize()))["iss"] == "https://raylens.example"
        form = {"grant_type": "client_credentials"}
        response = await browser.post("/oauth/token", data=form, auth=(partner.client.id, partner.secret or ""))
        assert response.status_code == 200
