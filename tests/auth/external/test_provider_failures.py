"""Providers that are unavailable, slow, faulty or hostile. The user gets a page that says what to do."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

import auth.external.provider_client
from auth.credentials.lifetimes import HOUR
from auth.external.providers import Provider
from tests.auth.application import Application, create
from tests.auth.external.browser import OWN, Browser
from tests.auth.external.fake_provider import FakeProvider
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock
from tests.servers.forward_proxy import forwarding
from tests.servers.process import free_port

DISCOVERY = "/.well-known/openid-configuration"
LOGIN = "/auth/external/idp/login"


def always(response: Response) -> Any:
    async def endpoint(_request: Request) -> Response:
        return response

    return endpoint


async def hang(_request: Request) -> Response:
    await asyncio.sleep(10)
    raise AssertionError("the request was not cancelled")


async def drip(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" "
            await asyncio.sleep(0.05)

    return StreamingResponse(chunks())


async def flood(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 65_536

    return StreamingResponse(chunks())


async def crumble(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3_000):
            yield b" "

    return StreamingResponse(chunks())


BOMB = Response(gzip.compress(b" " * (10 << 20)), headers={"Content-Encoding": "gzip"})
FAILURES: list[tuple[Any, int, str]] = [
    (flood, 502, "more than 512 KiB"),
    (crumble, 502, "more than 2,048 parts"),
    (always(BOMB), 502, "compressed"),
    (always(Response("oops", 500)), 503, "temporarily unavailable"),
    (always(Response("slowly!", 429)), 503, "temporarily unavailable"),
    (always(RedirectResponse("http://127.0.0.1:1/")), 502, "307"),
    (always(Response("deleted", 404)), 502, "404"),
    (always(Response("<html>")), 502, "not return JSON"),
    (always(Response(b"\xff\xfe\x00")), 502, "not return JSON"),
    (always(Response("[" * 100_000)), 502, "not return JSON"),
    (always(JSONResponse(["a"])), 502, "not return a JSON object"),
]


@pytest.fixture
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth.external.provider_client, "TIMEOUT_S", 0.5)


def assert_helpful(response: Any, status: int, message: str) -> None:
    assert (response.status_code, message in response.text) == (status, True), response.text
    assert f'href="{LOGIN}?next=%2Ftop"' in response.text, "link to try again"
    assert 'href="/oauth/sign-in?next=%2Ftop"' in response.text, "link to another way to sign in"
    assert ("retry-after" in response.headers) == (status == 503)
    assert "the-access-token" not in response.text


async def start(browser: Browser) -> Any:
    return await browser.client.get(LOGIN, params={"next": "/top"})


async def sign_in(browser: Browser, provider: FakeProvider, **query: Any) -> Any:
    redirect = await browser.start_login(next="/top")
    return await browser.finish_login(redirect, **({"code": provider.code_for(redirect)} | query))


async def test_failing_discovery(visitor: Browser, fake_provider: FakeProvider):
    for endpoint, status, message in FAILURES:
        fake_provider.endpoints[DISCOVERY] = endpoint
        assert_helpful(await start(visitor), status, message)
    del fake_provider.endpoints[DISCOVERY]
    assert (await start(visitor)).status_code == 302, "it is requested again"


@pytest.mark.parametrize("path", ["/token", "/jwks"])
async def test_a_failing_endpoint(visitor: Browser, fake_provider: FakeProvider, path: str):
    for endpoint, status, message in FAILURES:
        fake_provider.endpoints[path] = endpoint
        # A token response is read before its status is checked.
        expected = "not return JSON" if path == "/token" and message.isdigit() else message
        assert_helpful(await sign_in(visitor, fake_provider), status, expected)
    assert await visitor.username() is None


@pytest.mark.usefixtures("short_timeout")
@pytest.mark.parametrize(("path", "endpoint"), [("/token", hang), ("/jwks", drip)])
async def test_a_slow_endpoint(visitor: Browser, fake_provider: FakeProvider, path: str, endpoint: Any):
    fake_provider.endpoints[path] = endpoint
    assert_helpful(await sign_in(visitor, fake_provider), 503, "did not respond within")


@pytest.mark.usefixtures("short_timeout")
async def test_slow_discovery(visitor: Browser, fake_provider: FakeProvider):
    fake_provider.endpoints[DISCOVERY] = drip
    for response in await asyncio.gather(*(start(visitor) for _ in range(3))):
        assert_helpful(response, 503, "did not respond within")
    assert fake_provider.requested_paths == [DISCOVERY], "concurrent sign-ins share one request"


async def test_a_proxy_that_cannot_be_used(database: Engine, clock: MovableClock, monkeypatch: pytest.MonkeyPatch):
    provider = Provider(name="idp", issuer="https://idp.example", client_id="us")
    for name, value in {"all_proxy": "socks5://p", "https_proxy": "ftp://p", "no_proxy": "example.org"}.items():
        monkeypatch.setenv(name, value)
        async with create(database, clock, providers=(provider,)).client() as client:
            assert_helpful(await start(Browser(client)), 503, "proxy that the environment names for idp.example cannot")


async def test_a_provider_behind_a_proxy(fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch):
    here = f"{fake_provider.issuer}{DISCOVERY}"
    elsewhere = here.replace("127.0.0.1", "idp.example")
    with forwarding({"idp.example": "127.0.0.1"}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        for url in (elsewhere, here):
            response = await auth.external.provider_client.ProviderClient().get(url)
            assert response.json_object()["issuer"] == fake_provider.issuer
        assert proxy.targets == [f"GET {elsewhere}"], "none for this machine"


async def test_an_unreachable_provider(database: Engine, clock: MovableClock):
    provider = Provider(name="idp", issuer=f"http://127.0.0.1:{free_port()}", client_id="us")
    async with create(database, clock, providers=(provider,)).client() as client:
        assert_helpful(await start(Browser(client)), 503, "is unreachable (ConnectError)")


async def test_an_invalid_discovery_document(visitor: Browser, fake_provider: FakeProvider):
    invalid: list[tuple[dict[str, Any], str]] = [
        ({"issuer": "https://other.example"}, "a different issuer"),
        ({"issuer": None}, "a different issuer"),
        ({"authorization_endpoint": None}, "no valid authorization_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "no valid authorization_endpoint"),
        ({"authorization_endpoint": "https://idp.example/\r\nX: y"}, "no valid authorization_endpoint"),
        ({"token_endpoint": "http://idp.example/token"}, "no valid token_endpoint"),
        ({"token_endpoint": ["https://idp.example"]}, "no valid token_endpoint"),
        ({"jwks_uri": "https://me:secret@idp.example/"}, "no valid jwks_uri"),
        ({"jwks_uri": "https://[idp.example/"}, "no valid jwks_uri"),
        ({"userinfo_endpoint": 7}, "no valid userinfo_endpoint"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none", 7]}, "no asymmetric signature algorithm"),
    ]
    for fake_provider.metadata, message in invalid:
        assert_helpful(await start(visitor), 502, message)


async def test_an_invalid_key_set(visitor: Browser, fake_provider: FakeProvider):
    invalid: list[Any] = [None, {}, "x", [], [7], [{"kty": "RSA"}], [{"kty": "RSA", "n": 7, "e": []}]]
    for keys in (*invalid, [{"kty": "oct", "k": "eA"}]):
        fake_provider.endpoints["/jwks"] = always(JSONResponse({"keys": keys}))
        assert_helpful(await sign_in(visitor, fake_provider), 502, "not signed with a key")


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({"code": "", "error": "access_denied"}, 400, "cancelled"),
        ({"error": "server_error", "error_description": "<b>Sorry</b>\x00"}, 502, "server_error: &lt;b&gt;Sorry"),
        ({"code": ""}, 400, "neither a code nor an error"),
        ({"code": ["1", "2"]}, 400, "repeats a parameter"),
        ({"iss": "https://other.example"}, 400, "does not come from Idp"),
    ],
)
async def test_an_invalid_authorization_response(
    visitor: Browser, fake_provider: FakeProvider, query: dict[str, Any], status: int, message: str
):
    response = await sign_in(visitor, fake_provider, **query)
    assert (response.status_code, message in response.text) == (status, True), response.text
    assert "/token" not in fake_provider.requested_paths


@pytest.mark.parametrize(("sends_issuer", "status"), [(True, 400), (False, 303)])
async def test_a_missing_issuer(visitor: Browser, fake_provider: FakeProvider, sends_issuer: bool, status: int):
    fake_provider.metadata["authorization_response_iss_parameter_supported"] = sends_issuer
    assert (await sign_in(visitor, fake_provider)).status_code == status
    assert (await sign_in(visitor, fake_provider, iss=fake_provider.issuer)).status_code == 303


async def test_an_invalid_token_response(visitor: Browser, fake_provider: FakeProvider):
    invalid: list[tuple[dict[str, Any], int, str]] = [
        ({"error": "invalid_grant"}, 400, "already used"),
        ({"error": "invalid_client", "error_description": "the-access-token"}, 502, "rejected the token request"),
        ({"error": ["x"]}, 502, "rejected the token request"),
        ({"access_token": "the-access-token"}, 502, "no id_token"),
    ]
    for token, status, message in invalid:
        fake_provider.endpoints["/token"] = always(JSONResponse(token, 400 if "error" in token else 200))
        assert_helpful(await sign_in(visitor, fake_provider), status, message)


@pytest.mark.parametrize("response", [Response("x", 500), JSONResponse({"sub": "else", "email": "eve@example.org"})])
async def test_userinfo_is_optional(visitor: Browser, fake_provider: FakeProvider, response: Response):
    """It may fail, or describe another user."""
    fake_provider.claims = {"preferred_username": None}
    fake_provider.endpoints["/userinfo"] = always(response)
    assert (await sign_in(visitor, fake_provider)).status_code == 303
    assert await visitor.username() == "idp"


async def test_a_username_from_userinfo(visitor: Browser, fake_provider: FakeProvider):
    fake_provider.claims = {"preferred_username": None}
    fake_provider.userinfo = {"preferred_username": "grace", "email": "grace@example.org"}
    await sign_in(visitor, fake_provider)
    assert await visitor.username() == "grace"


async def test_usernames_and_emails_of_all_kinds(visitor: Browser, fake_provider: FakeProvider):
    names: list[Any] = ["\ud800", "\u202e" * 10, "x" * 10_000, 7, {"a": "b"}, "\x00", "😀"]
    for number, name in enumerate(names):
        fake_provider.claims = {"preferred_username": name, "email": name, "sub": f"subject-{number}"}
        assert (await sign_in(visitor, fake_provider)).status_code == 303, name
        assert await visitor.username()


async def test_metadata_is_cached_for_an_hour(site: Application, visitor: Browser, fake_provider: FakeProvider):
    await asyncio.gather(*(visitor.client.get(LOGIN) for _ in range(5)))
    assert fake_provider.requested_paths == [DISCOVERY]
    site.clock.forward(HOUR)
    await visitor.start_login()
    assert fake_provider.requested_paths == [DISCOVERY] * 2


async def test_linking_returns_a_problem_document(
    site: Application, visitor: Browser, fake_provider: FakeProvider, factory: UserFactory
):
    visitor.client.cookies[site.auth.cookie.name] = factory.issue(factory.add("alice"))
    fake_provider.endpoints[DISCOVERY] = always(Response("oops", 500))
    response = await visitor.client.post("/api/v1/account/identities/idp", headers=OWN)
    assert (response.status_code, response.json()["code"]) == (503, "provider_down")
