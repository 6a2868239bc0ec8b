"""POST /auth/users/: the same responses as Djoser's."""

from typing import Any

import pytest

from tests.auth.application import PASSWORD
from tests.auth.reference.comparison import LOGIN, ME, REGISTER, SET_PASSWORD, Call, Comparison, post

JSON = {"content-type": "application/json"}
NAMES: list[Any] = [
    *("bob", "b", "Bob.B+c@d-e_9", "é", "名前", "ａｌｉｃｅ２", " bob ", "x" * 150, "x" * 151, 1, 1.5),
    *(True, None, [], {}, ["bob"], "", " ", "\t\n", "a b", "a/b", "a\0b", "\ud800", "a\u200bb", "a<b>", "a'b", "😀"),
]
PASSWORDS: list[Any] = [
    *(
        True,
        None,
        [],
        {},
        "",
        " ",
        "short",
        "fourteen chars",
        "a\0 heron over the meadow",
        "\ud800 a heron over a lake",
    ),
    *("heron", "frederick-wolfgang", " a heron over the meadow ", "Ａ ｈｅｒｏｎ ｏｖｅｒ ｔｈｅ ｍｅａｄｏｗ", 5.0),
    8305712946.307182,
]
EMAILS: list[Any] = [
    *(1, True, None, [], {}, "", " ", "x", "x@", "@x", "a@b", "a@b.cd", "a@[127.0.0.1]", "é@x.org"),
    *(
        "a@ex_ample.org",
        "a@" + "b" * 63 + ".org",
        "a" * 250 + "@x.org",
        "a" * 65 + "@x.org",
        " a@x.org ",
        "a@x.test",
        "a@X.ORG",
        "A@x.org",
    ),
    *("a@-x.org", "a..b@x.org", "a@x..org", "a\0@x.org", "a@x.org\n", "a b@x.org", "a@x.org@y.org", "a+b@x.org"),
    "\ud800@x.org",
]
BODIES = [None, [], [1], "x", 1, 1.5, True, False, {}, {"username": "bob"}, {"password": PASSWORD}]
CONTENTS = [
    *(b"", b"{", b"\xff", b"nothing", b'{"a": NaN}', b'{"a": -Infinity}', b"9" * 5000, b"\xef\xbb\xbf{}", b"{}{}"),
    *(b'{"username": 1e999}', b'{"username": "a", "username": "b"}', b"{'username': 'bob'}", b'{"a": "\x01"}', b"null"),
]
TYPES = [
    *("text/plain", "", "gibberish", "image/png; a=b", "application/merge-patch+json", "text/json", "application/xml"),
    *("application/json; charset=latin-1", "Application/JSON", "application/json;charset=nonsense"),
]


FORMS: list[dict[str, Any]] = [
    {"data": {"username": "bob", "password": PASSWORD}},
    {"data": {"username": "bob", "password": PASSWORD, "email": "", "more": "x"}},
    {"data": {"username": "", "password": "", "email": ""}},
    {"data": {"username": ["bob", "rob"], "password": PASSWORD}},
    {"files": {"username": (None, "bob"), "password": (None, PASSWORD)}},
    {"files": {"username": ("a.txt", b"bob"), "password": (None, PASSWORD)}},
    {"content": b"a=\xff&username=%ff", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    {"content": b"&&=&username", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    {"content": b"--x\r\n", "headers": {"content-type": "multipart/form-data"}},
]
INPUTS: dict[str, list[Call]] = {
    "names": [post(REGISTER, {"username": name, "password": PASSWORD}) for name in NAMES],
    "passwords": [post(REGISTER, {"username": "frederick-wolfgang", "password": password}) for password in PASSWORDS],
    "addresses": [post(REGISTER, {"username": "bob", "password": PASSWORD, "email": email}) for email in EMAILS],
    "addresses with an invalid name": [post(REGISTER, {"username": "a b", "email": email}) for email in EMAILS],
    "other JSON": [post(REGISTER, body) for body in BODIES],
    "malformed JSON": [post(REGISTER, content=content, headers=JSON) for content in CONTENTS],
    "content types": [
        post(REGISTER, content=content, headers={"content-type": content_type})
        for content_type in TYPES
        for content in (b"", b'{"username": "bob"}')
    ],
    "forms": [post(REGISTER, **options) for options in FORMS],
}


@pytest.mark.parametrize("inputs", INPUTS)
async def test_registration(comparison: Comparison, inputs: str, subtests: pytest.Subtests):
    for call in INPUTS[inputs]:
        with subtests.test(str(call)):
            await comparison.reset()
            await comparison.assert_same(call)


async def test_null_elsewhere(comparison: Comparison):
    for method, path in (("POST", LOGIN), ("PATCH", ME), ("DELETE", ME), ("POST", SET_PASSWORD)):
        await comparison.reset(with_alice=True)
        options = {"content": b"null", "headers": JSON}
        await comparison.assert_same(Call(method, path, as_alice=True, options=options))


async def test_a_taken_name(comparison: Comparison):
    await comparison.reset(with_alice=True)
    await comparison.assert_same(
        post(REGISTER, {"username": "alice", "password": PASSWORD}),
        post(REGISTER, {"username": " alice ", "password": "short"}),
    )


async def test_other_methods(comparison: Comparison):
    await comparison.reset(with_alice=True)
    for method in ("GET", "PUT", "PATCH", "DELETE", "TRACE", "BREW"):
        for as_alice in (False, True):
            await comparison.assert_same(Call(method, REGISTER, as_alice=as_alice))


async def test_an_invalid_token_is_rejected_although_none_is_needed(comparison: Comparison):
    await comparison.reset()
    body = {"username": "bob", "password": PASSWORD}
    for authorization in ("Token nope", "Token", "Basic nope", ""):
        await comparison.assert_same(post(REGISTER, body, headers={"authorization": authorization}))
