"""What an application may ask wrongly, at the authorization endpoint."""

from urllib.parse import urlencode

import httpx
import pytest

from auth.oauth.authorization_request import MAX_NONCE_LENGTH
from tests.auth.application import Application, create
from tests.auth.oauth.partner import CALLBACK, HERE, VERIFIER, Partner, answer_of, challenge_of
from tests.auth.user_factory import UserFactory

QUOTE, EURO = 'https://partner.example/callback"', "https://partner.example/callback€"


def is_page(response: httpx.Response) -> bool:
    """Not a redirect: nobody knows whose address it would be."""
    assert "location" not in response.headers
    assert response.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    return response.status_code == 400


@pytest.mark.parametrize(
    "client_id", [None, "", "nobody", "raylens-cli ", "RAYLENS-CLI_CLIENT", "x" * 5000, "' OR 1=1 --", "\0", "€", "<b>"]
)
async def test_an_unknown_application_gets_a_page(partner: Partner, client_id: str | None):
    response = await partner.ask(client_id=client_id)
    assert is_page(response)
    assert "Unknown application: check client_id." in response.text
    assert "<b>" not in response.text


@pytest.mark.parametrize(
    "uri",
    [
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
        QUOTE,
        EURO,
        "\\",
        "x" * 5000,
    ],
)
async def test_a_wrong_redirect_uri_gets_a_page(partner: Partner, uri: str | None):
    assert is_page(await partner.ask(redirect_uri=uri))


async def test_a_disabled_application_gets_a_page(application: Application, partner: Partner):
    application.auth.clients.update(partner.client.id, disabled=True, actor_id=None, source=HERE)
    assert is_page(await partner.ask())


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_which_application_is_said_once(partner: Partner, name: str):
    query = partner.query()
    twice = urlencode([*query.items(), (name, query[name])])
    assert is_page(await partner.browser.get(f"/oauth/authorize?{twice}"))


@pytest.mark.parametrize("query", ["client_id=%ff", "client_id=%C3%28", "&".join(f"a{n}=1" for n in range(101))])
async def test_what_cannot_be_read_gets_a_page(partner: Partner, query: str):
    assert is_page(await partner.browser.get(f"/oauth/authorize?{query}"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
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
    ],
)
async def test_anything_else_is_told_the_application(partner: Partner, changes: dict[str, str | None], error: str):
    answer = answer_of(await partner.ask(**changes))
    assert answer.pop("error_description")
    assert answer == {"error": error, "state": "a state", "iss": "http://localhost:8000"}


async def test_the_state_comes_back_as_it_was(partner: Partner):
    state = "\"<ü€\U0001f600>'&=%00\r\nSet-Cookie: a=b" + "x" * 2000
    response = await partner.ask(state=state, scope="nonsense")
    assert answer_of(response)["state"] == state
    assert "set-cookie" not in response.headers
    assert answer_of(await partner.decide(await partner.ask(state=state)))["state"] == state


async def test_a_parameter_that_came_twice_is_told_the_application(partner: Partner):
    query = partner.query()
    twice = urlencode([*query.items(), ("scope", "classify")])
    assert answer_of(await partner.browser.get(f"/oauth/authorize?{twice}"))["error"] == "invalid_request"


async def test_a_grant_it_has_not_got_is_told_the_application(application: Application, partner: Partner):
    machine = Partner.register(application, partner.browser, grants=["client_credentials"], redirect_uris=[CALLBACK])
    assert answer_of(await machine.ask())["error"] == "unauthorized_client"


async def test_a_user_cannot_give_what_they_have_not_got(
    application: Application, partner: Partner, factory: UserFactory
):
    tool = Partner.register(application, partner.browser, scopes=["classify", "admin"], trusted=True)
    assert answer_of(await tool.ask(scope="classify admin"))["error"] == "invalid_scope"
    tool.browser.cookies.set(application.auth.cookie.name, factory.issue(factory.add("root", role="admin")))
    assert (await tool.tokens(scope="classify admin"))["scope"] == "admin classify"
    assert (await tool.tokens(scope=None))["scope"] == "classify", "admin only where it is asked for by name"


async def test_a_form_that_is_none_gets_a_page(partner: Partner):
    assert is_page(await partner.browser.post("/oauth/authorize", json={"decision": "allow"}))
    response = await partner.browser.post("/oauth/authorize", data={"a": "b" * 70_000})
    assert response.status_code == 413


async def test_without_https_the_page_says_what_is_missing(application: Application, partner: Partner):
    """The public URL is of another machine, and plain: tokens would be read on their way."""
    engine, clock = application.auth._engine, application.clock
    plain = create(engine, clock, public_url="http://raylens.example", public_url_is_given=True)
    async with plain.client() as browser:
        response = await browser.get("/oauth/authorize", params=partner.query())
        assert is_page(response)
        assert "RAYLENS_PUBLIC_URL" in response.text
        token = await browser.post("/oauth/token", data={"grant_type": "client_credentials"})
        assert (token.status_code, token.json()["error"]) == (400, "invalid_request")


async def test_behind_a_proxy_with_tls_plain_http_is_no_matter(
    application: Application, factory: UserFactory, alice: int
):
    engine, clock = application.auth._engine, application.clock
    behind = create(engine, clock, public_url="https://raylens.example", public_url_is_given=True)
    async with behind.client() as browser:
        browser.base_url = httpx.URL("http://10.0.0.7:8000")
        browser.cookies.set(behind.auth.cookie.name, factory.issue(alice))
        inside = Partner.register(behind, browser)
        assert answer_of(await inside.decide(await inside.ask()))["iss"] == "https://raylens.example"
        form = {"grant_type": "client_credentials"}
        response = await browser.post("/oauth/token", data=form, auth=(inside.client.id, inside.secret or ""))
        assert response.status_code == 200
