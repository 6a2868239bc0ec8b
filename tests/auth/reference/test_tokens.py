"""/auth/token/…, request by request as the original answers it."""

import pytest

from tests.auth.reference.comparison import LOGIN, LOGOUT, ME, PASSWORD, Both, Call, post

LOGINS = [
    {"username": "alice", "password": PASSWORD},
    {"username": " alice ", "password": f" {PASSWORD} "},
    {"username": "alice", "password": PASSWORD, "more": 1},
    {"username": "alice", "password": "wrong"},
    {"username": "alice", "password": PASSWORD.upper()},
    {"username": "nobody", "password": PASSWORD},
    {"username": "alice@example.org", "password": PASSWORD},
    {"username": "alice"},
    {"password": PASSWORD},
    {},
    {"username": None, "password": PASSWORD},
    {"username": "alice", "password": None},
    {"username": "", "password": ""},
    {"username": "alice", "password": " "},
    {"username": [], "password": {}},
    {"username": True, "password": 1},
    {"username": 1, "password": 2.5},
    {"username": "a\0", "password": "\ud800"},
    {"username": "x" * 500, "password": "y" * 500},
    [],
    None,
    "x",
]
AUTHORIZATIONS = [
    *(
        "Token nope",
        "token nope",
        "Token",
        "Token a b",
        "TOKEN\tx",
        "Basic eDp5",
        "Basic",
        "",
        "Tokens x",
    ),
    *(b"Token \xff", "Token é".encode()),
]


@pytest.mark.parametrize("says", LOGINS, ids=lambda says: ascii(says)[:60])
async def test_signing_in(both_with_alice: Both, says):
    await both_with_alice.agree_on(post(LOGIN, says))


@pytest.mark.parametrize(
    "data",
    [
        {"username": "alice", "password": PASSWORD},
        {"username": "alice", "password": ""},
        {"username": "", "password": PASSWORD},
        {"username": "alice", "password": " "},
        {},
    ],
)
async def test_signing_in_with_a_form(both_with_alice: Both, data):
    await both_with_alice.agree_on(post(LOGIN, data=data))


async def test_signing_in_without_the_slash(both_with_alice: Both):
    assert (await both_with_alice.agree_on(post(LOGIN[:-1], {"username": "alice", "password": PASSWORD}))).status == 200
    assert (await both_with_alice.agree_on(post(LOGOUT[:-1], as_alice=True))).status == 204


@pytest.mark.parametrize("content_type", ["text/plain", "application/json"])
async def test_what_cannot_be_read(both: Both, content_type):
    await both.agree_on(post(LOGIN, content=b"{", headers={"content-type": content_type}))


@pytest.mark.parametrize("as_alice", [False, True])
@pytest.mark.parametrize("path", [LOGIN, LOGOUT])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "BREW"])
async def test_other_methods(both_with_alice: Both, method, path, as_alice):
    await both_with_alice.agree_on(Call(method, path, as_alice=as_alice))


@pytest.mark.parametrize("authorization", AUTHORIZATIONS, ids=ascii)
async def test_tokens_that_are_no_good(both_with_alice: Both, authorization):
    headers = {"authorization": authorization}
    await both_with_alice.agree_on(Call("GET", ME, options={"headers": headers}))
    await both_with_alice.agree_on(post(LOGOUT, headers=headers))
    await both_with_alice.agree_on(post(LOGIN, {"username": "alice", "password": PASSWORD}, headers=headers))


async def test_signing_out_ends_the_token(both_with_alice: Both):
    assert (await both_with_alice.agree_on(post(LOGOUT))).status == 401
    assert (await both_with_alice.agree_on(post(LOGOUT, content=b"x", as_alice=True))).status == 204
    assert (await both_with_alice.agree_on(post(LOGOUT, as_alice=True))).status == 401
    assert (await both_with_alice.agree_on(Call("GET", ME, as_alice=True))).status == 401
