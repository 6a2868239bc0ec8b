"""/auth/token/…: the same responses as Djoser's."""

import pytest

from tests.auth.application import PASSWORD
from tests.auth.reference.comparison import LOGIN, LOGOUT, ME, Call, Comparison, post

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


FORMS: list[dict[str, str]] = [
    {"username": "alice", "password": PASSWORD},
    {"username": "alice", "password": ""},
    {"username": "", "password": PASSWORD},
    {"username": "alice", "password": " "},
    {},
]


async def test_signing_in(comparison: Comparison, subtests: pytest.Subtests):
    for call in [post(LOGIN, body) for body in LOGINS] + [post(LOGIN, data=form) for form in FORMS]:
        with subtests.test(str(call)):
            await comparison.reset(with_alice=True)
            await comparison.assert_same(call)


async def test_the_trailing_slash_is_optional(comparison: Comparison):
    await comparison.reset(with_alice=True)
    login = post(LOGIN[:-1], {"username": "alice", "password": PASSWORD})
    assert (await comparison.assert_same(login)).status == 200
    assert (await comparison.assert_same(post(LOGOUT[:-1], as_alice=True))).status == 204


async def test_unreadable_content(comparison: Comparison):
    await comparison.reset()
    for content_type in ("text/plain", "application/json"):
        await comparison.assert_same(post(LOGIN, content=b"{", headers={"content-type": content_type}))


async def test_other_methods(comparison: Comparison):
    await comparison.reset(with_alice=True)
    for path in (LOGIN, LOGOUT):
        for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD", "BREW"):
            for as_alice in (False, True):
                await comparison.assert_same(Call(method, path, as_alice=as_alice))


async def test_invalid_tokens(comparison: Comparison, subtests: pytest.Subtests):
    for authorization in AUTHORIZATIONS:
        with subtests.test(ascii(authorization)):
            await comparison.reset(with_alice=True)
            headers = {"authorization": authorization}
            await comparison.assert_same(
                Call("GET", ME, options={"headers": headers}),
                post(LOGOUT, headers=headers),
                post(LOGIN, {"username": "alice", "password": PASSWORD}, headers=headers),
            )


async def test_signing_out_revokes_the_token(comparison: Comparison):
    await comparison.reset(with_alice=True)
    assert (await comparison.assert_same(post(LOGOUT))).status == 401
    assert (await comparison.assert_same(post(LOGOUT, content=b"x", as_alice=True))).status == 204
    assert (await comparison.assert_same(post(LOGOUT, as_alice=True))).status == 401
    assert (await comparison.assert_same(Call("GET", ME, as_alice=True))).status == 401
