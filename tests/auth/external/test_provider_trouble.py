"""Providers that are down, slow, broken or hostile: a page that says what to do, never an error of ours."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

import auth.external.outbound
from auth.credentials.lifetimes import HOUR
from auth.external.providers import Provider
from tests.auth.application import Application, create
from tests.auth.external.false_provider import FalseProvider
from tests.auth.external.traveller import OWN, Traveller
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock
from tests.servers.process import free_port

DISCOVERY = "/.well-known/openid-configuration"
LOGIN = "/auth/external/idp/login"


def always(response: Response) -> Any:
    async def answer(_request: Request) -> Response:
        return response

    return answer


async def hang(_request: Request) -> Response:
    await asyncio.sleep(10)
    raise AssertionError("nobody waits that long")


async def drip(_request: Request) -> Response:
    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" "
            await asyncio.sleep(0.05)

    return StreamingResponse(slowly())


async def flood(_request: Request) -> Response:
    async def much() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 65_536

    return StreamingResponse(much())


BOMB = Response(gzip.compress(b" " * (10 << 20)), headers={"Content-Encoding": "gzip"})
TROUBLE = [
    (flood, 502, "more than 512 KiB"),
    (always(BOMB), 502, "compressed"),
    (always(Response("oops", 500)), 503, "trouble of its own"),
    (always(Response("slowly!", 429)), 503, "trouble of its own"),
    (always(RedirectResponse("http://127.0.0.1:1/")), 502, "307"),
    (always(Response("gone", 404)), 502, "404"),
    (always(Response("<html>")), 502, "not JSON"),
    (always(Response(b"\xff\xfe\x00")), 502, "not JSON"),
    (always(Response("[" * 100_000)), 502, "not JSON"),
    (always(JSONResponse(["a"])), 502, "not a JSON object"),
]


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth.external.outbound, "TIMEOUT_S", 1.0)


def assert_helps(reply: Any, status: int, said: str) -> None:
    assert reply.status_code == status, reply.text
    assert said in reply.text
    assert f'href="{LOGIN}?next=%2Ftop"' in reply.text, "the way to try again"
    assert 'href="/oauth/sign-in?next=%2Ftop"' in reply.text, "another way"
    assert ("retry-after" in reply.headers) == (status == 503)
    assert "the-access-token" not in reply.text


@pytest.mark.parametrize(("answer", "status", "said"), TROUBLE)
async def test_with_the_discovery(
    believer: Traveller, false_provider: FalseProvider, answer: Any, status: int, said: str
):
    false_provider.answers[DISCOVERY] = answer
    assert_helps(await believer.client.get(LOGIN, params={"next": "/top"}), status, said)
    del false_provider.answers[DISCOVERY]
    assert (await believer.client.get(LOGIN)).status_code == 302, "it is asked again"


@pytest.mark.parametrize("path", ["/token", "/jwks"])
@pytest.mark.parametrize("trouble", TROUBLE)
async def test_on_the_way_back(believer: Traveller, false_provider: FalseProvider, path: str, trouble: Any):
    answer, status, said = trouble
    departure = await believer.depart(next="/top")
    false_provider.answers[path] = answer
    back = await believer.come_back(departure, code=false_provider.code_for(departure))
    if path == "/token" and said.isdigit():  # what is no JSON object says nothing at all
        said = "not JSON"
    assert_helps(back, status, said)
    assert await believer.name() is None


@pytest.mark.usefixtures("impatience")
@pytest.mark.parametrize("path", ["/token", "/jwks"])
@pytest.mark.parametrize("answer", [hang, drip])
async def test_who_takes_too_long(believer: Traveller, false_provider: FalseProvider, path: str, answer: Any):
    departure = await believer.depart(next="/top")
    false_provider.answers[path] = answer
    back = await believer.come_back(departure, code=false_provider.code_for(departure))
    assert_helps(back, 503, "did not answer within 1 seconds")


@pytest.mark.usefixtures("impatience")
async def test_who_takes_too_long_to_begin_with(believer: Traveller, false_provider: FalseProvider):
    false_provider.answers[DISCOVERY] = drip
    replies = await asyncio.gather(*(believer.client.get(LOGIN, params={"next": "/top"}) for _ in range(3)))
    for reply in replies:
        assert_helps(reply, 503, "did not answer within 1 seconds")
    assert false_provider.asked == [DISCOVERY], "those who wait ask together"


async def test_nobody_is_there(engine: Engine, clock: MovableClock):
    provider = Provider(name="idp", issuer=f"http://127.0.0.1:{free_port()}", client_id="us")
    async with create(engine, clock, providers=(provider,)).client() as client:
        assert_helps(await client.get(LOGIN, params={"next": "/top"}), 503, "cannot be reached (ConnectError)")


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"issuer": "https://other.example"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"authorization_endpoint": None}, "no authorization_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "no authorization_endpoint"),
        ({"authorization_endpoint": "https://idp.example/\r\nX: y"}, "no authorization_endpoint"),
        ({"token_endpoint": "http://idp.example/token"}, "no token_endpoint"),
        ({"token_endpoint": ["https://idp.example"]}, "no token_endpoint"),
        ({"jwks_uri": "https://me:secret@idp.example/"}, "no jwks_uri"),
        ({"jwks_uri": "https://[idp.example/"}, "no jwks_uri"),
        ({"userinfo_endpoint": 7}, "no userinfo_endpoint"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none", 7]}, "no way that can be checked"),
    ],
)
async def test_a_discovery_document_that_makes_no_sense(
    believer: Traveller, false_provider: FalseProvider, metadata: dict[str, Any], said: str
):
    false_provider.metadata = metadata
    assert_helps(await believer.client.get(LOGIN, params={"next": "/top"}), 502, said)


@pytest.mark.parametrize(
    "keys", [None, {}, "x", [], [7], [{"kty": "RSA"}], [{"kty": "RSA", "n": 7, "e": []}], [{"kty": "oct", "k": "eA"}]]
)
async def test_keys_that_are_none(believer: Traveller, false_provider: FalseProvider, keys: Any):
    departure = await believer.depart(next="/top")
    false_provider.answers["/jwks"] = always(JSONResponse({"keys": keys}))
    back = await believer.come_back(departure, code=false_provider.code_for(departure))
    assert_helps(back, 502, "not signed with a key")


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"error": "access_denied"}, 400, "cancelled"),
        ({"error": "server_error", "error_description": "<b>Sorry</b>\x00"}, 502, "server_error: &lt;b&gt;Sorry"),
        ({"code": ""}, 400, "without an answer"),
        ({"code": ["1", "2"]}, 400, "says something twice"),
        ({"code": "1", "iss": "https://other.example"}, 400, "does not come from Idp"),
    ],
)
async def test_what_the_browser_brings_back(
    believer: Traveller, false_provider: FalseProvider, query: dict[str, Any], status: int, said: str
):
    departure = await believer.depart(next="/top")
    back = await believer.come_back(departure, **query)
    assert (back.status_code, said in back.text) == (status, True), back.text
    assert "/token" not in false_provider.asked


@pytest.mark.parametrize(("sends", "status"), [(True, 400), (False, 303)])
async def test_who_always_names_itself_has_to(
    believer: Traveller, false_provider: FalseProvider, sends: bool, status: int
):
    false_provider.metadata["authorization_response_iss_parameter_supported"] = sends
    departure = await believer.depart()
    assert (await believer.come_back(departure, code=false_provider.code_for(departure))).status_code == status
    departure = await believer.depart()
    code = false_provider.code_for(departure)
    assert (await believer.come_back(departure, code=code, iss=false_provider.issuer)).status_code == 303


@pytest.mark.parametrize(
    ("reply", "status", "said"),
    [
        ({"error": "invalid_grant"}, 400, "used already"),
        ({"error": "invalid_client", "error_description": "the-access-token"}, 502, "refused to say who"),
        ({"error": ["x"]}, 502, "refused to say who"),
        ({"access_token": "the-access-token"}, 502, "no id_token"),
    ],
)
async def test_a_code_that_is_exchanged_for_nothing(
    believer: Traveller, false_provider: FalseProvider, reply: dict[str, Any], status: int, said: str
):
    departure = await believer.depart(next="/top")
    false_provider.answers["/token"] = always(JSONResponse(reply, 400 if "error" in reply else 200))
    assert_helps(await believer.come_back(departure, code="c"), status, said)


@pytest.mark.parametrize("reply", [Response("x", 500), JSONResponse({"sub": "else", "email": "eve@example.org"})])
async def test_a_name_is_not_worth_an_error(believer: Traveller, false_provider: FalseProvider, reply: Response):
    """The rest may be at /userinfo, which may fail, or speak of somebody else."""
    false_provider.claims = {"preferred_username": None}
    false_provider.answers["/userinfo"] = always(reply)
    departure = await believer.depart()
    assert (await believer.come_back(departure, code=false_provider.code_for(departure))).status_code == 303
    assert await believer.name() == "idp"


async def test_a_name_from_userinfo(believer: Traveller, false_provider: FalseProvider):
    false_provider.claims = {"preferred_username": None}
    false_provider.userinfo = {"preferred_username": "grace", "email": "grace@example.org"}
    departure = await believer.depart()
    await believer.come_back(departure, code=false_provider.code_for(departure))
    assert await believer.name() == "grace"


@pytest.mark.parametrize("name", ["\ud800", "\u202e" * 10, "x" * 10_000, 7, {"a": "b"}, "\x00", "😀"])
async def test_names_and_addresses_of_all_kinds(believer: Traveller, false_provider: FalseProvider, name: Any):
    false_provider.claims = {"preferred_username": name, "email": name}
    departure = await believer.depart()
    assert (await believer.come_back(departure, code=false_provider.code_for(departure))).status_code == 303
    assert await believer.name()


async def test_the_discovery_is_asked_once_an_hour(
    misled: Application, believer: Traveller, false_provider: FalseProvider
):
    await asyncio.gather(*(believer.client.get(LOGIN) for _ in range(5)))
    assert false_provider.asked == [DISCOVERY]
    misled.clock.forward(HOUR)
    await believer.depart()
    assert false_provider.asked == [DISCOVERY] * 2


async def test_linking_tells_the_web_app(
    misled: Application, believer: Traveller, false_provider: FalseProvider, factory: UserFactory
):
    believer.client.cookies[misled.auth.cookie.name] = factory.issue(factory.add("alice"))
    false_provider.answers[DISCOVERY] = always(Response("oops", 500))
    reply = await believer.client.post("/api/v1/account/identities/idp", headers=OWN)
    assert (reply.status_code, reply.json()["code"]) == (503, "provider_down")
