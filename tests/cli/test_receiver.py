import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest

from serve_app.cli.authorization_server import Refused
from serve_app.cli.receiver import NotTheAnswer, Receiver, answer_in

STATE = "the state of this sign-in"
ISSUER = "https://raylens.example.org"
GOOD = {"code": "rlc_code", "state": STATE, "iss": ISSUER}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver(state=STATE, issuer=ISSUER) as receiver:
        yield receiver


async def visit(receiver: Receiver, parameters: dict[str, str], **options) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as browser:
        return await browser.request(options.pop("method", "GET"), receiver.redirect_uri, params=parameters, **options)


async def test_the_browser_brings_the_code_and_gets_a_page(receiver):
    page = await visit(receiver, GOOD)
    assert await receiver.code() == "rlc_code"
    assert page.status_code == 200
    assert "go on in the terminal" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


async def test_it_listens_on_this_machine_alone(receiver):
    assert receiver.redirect_uri.startswith("http://127.0.0.1:")
    assert receiver.redirect_uri.endswith("/callback")
    async with Receiver(state=STATE, issuer=ISSUER) as other:
        assert other.redirect_uri != receiver.redirect_uri


async def test_a_refusal_ends_the_wait(receiver):
    page = await visit(receiver, {"error": "access_denied", "state": STATE, "iss": ISSUER})
    assert "Not signed in" in page.text
    with pytest.raises(Refused, match="not allowed in the browser"):
        await receiver.code()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        GOOD | {"state": "another"},
        GOOD | {"iss": "https://evil.example.org"},
        {"code": "rlc_code", "state": STATE},
        {"code": "rlc_code", "iss": ISSUER},
        {"state": STATE, "iss": ISSUER},
        {"error": "access_denied", "state": "another", "iss": ISSUER},
        {"error": "<script>alert(1)</script>", "state": "ä", "iss": ISSUER},
    ],
)
async def test_what_is_no_answer_is_turned_away_and_the_wait_goes_on(receiver, parameters):
    page = await visit(receiver, parameters)
    assert page.status_code == 400
    assert "<script>" not in page.text
    await visit(receiver, GOOD)
    assert await receiver.code() == "rlc_code"


async def test_a_parameter_that_comes_twice_counts_as_none():
    twice = urlencode([*GOOD.items(), ("code", "rlc_other")])
    with pytest.raises(NotTheAnswer, match="no code"):
        answer_in(f"http://127.0.0.1/callback?{twice}", state=STATE, issuer=ISSUER)


@pytest.mark.parametrize("address", ["", "hello", "http://[::1", "?", "?" + "a=1&" * 50, "?state=\udcff", "?=&=&%"])
async def test_nonsense_that_is_pasted_is_turned_away(receiver, address):
    with pytest.raises(NotTheAnswer):
        receiver.take(address)


async def test_an_address_that_is_pasted_is_as_good(receiver):
    receiver.take(f"{receiver.redirect_uri}?{urlencode(GOOD)}")
    assert await receiver.code() == "rlc_code"


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/favicon.ico"), ("POST", "/callback")])
async def test_other_requests_find_nothing(receiver, method, path):
    async with httpx.AsyncClient(trust_env=False) as browser:
        url = httpx.URL(receiver.redirect_uri).copy_with(path=path)
        assert (await browser.request(method, url, params=GOOD)).status_code == 404


async def test_the_first_answer_counts(receiver):
    await visit(receiver, GOOD)
    await visit(receiver, GOOD | {"code": "rlc_other"})
    assert await receiver.code() == "rlc_code"


async def test_connections_on_which_nothing_comes_hold_nothing_up():
    """Browsers open some ahead; neither the answer nor the end waits for them."""
    async with asyncio.timeout(3):
        async with Receiver(state=STATE, issuer=ISSUER) as receiver:
            port = httpx.URL(receiver.redirect_uri).port
            spare = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            spare[0][1].write(b"GET /callback?" + b"a" * 64 * 1024)
            spare[1][1].write(b"\xff\x00\r\n\r\n")
            await visit(receiver, GOOD)
            assert await receiver.code() == "rlc_code"
        for _, writer in spare:
            writer.close()
