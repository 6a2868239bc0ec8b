"""POST /auth/users/, request by request as the original answers it."""

from typing import Any

import pytest

from tests.auth.reference.comparison import LOGIN, ME, PASSWORD, REGISTER, SET_PASSWORD, Both, Call, post

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
    123456789012345678901234567890.5,
]
EMAILS: list[Any] = [
    *(1, True, None, [], {}, "", " ", "x", "x@", "@x", "a@b", "a@b.cd", "a@[127.0.0.1]", "é@x.org", "a@é.org"),
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


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_names(both: Both, name):
    await both.agree_on(post(REGISTER, {"username": name, "password": PASSWORD}))


@pytest.mark.parametrize("password", PASSWORDS, ids=ascii)
async def test_passwords(both: Both, password):
    await both.agree_on(post(REGISTER, {"username": "frederick-wolfgang", "password": password}))


@pytest.mark.parametrize("email", EMAILS, ids=ascii)
async def test_email_addresses(both: Both, email):
    await both.agree_on(post(REGISTER, {"username": "bob", "password": PASSWORD, "email": email}))
    await both.agree_on(post(REGISTER, {"username": "a b", "email": email}))


@pytest.mark.parametrize("body", BODIES, ids=ascii)
async def test_other_json(both: Both, body):
    await both.agree_on(post(REGISTER, body))


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: ascii(content)[:30])
async def test_what_is_no_json(both: Both, content):
    await both.agree_on(post(REGISTER, content=content, headers=JSON))


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("content", [b"", b'{"username": "bob"}'])
async def test_content_types(both: Both, content_type, content):
    await both.agree_on(post(REGISTER, content=content, headers={"content-type": content_type}))


@pytest.mark.parametrize(
    "options",
    [
        {"data": {"username": "bob", "password": PASSWORD}},
        {"data": {"username": "bob", "password": PASSWORD, "email": "", "more": "x"}},
        {"data": {"username": "", "password": "", "email": ""}},
        {"data": {"username": ["bob", "rob"], "password": PASSWORD}},
        {"files": {"username": (None, "bob"), "password": (None, PASSWORD)}},
        {"files": {"username": ("a.txt", b"bob"), "password": (None, PASSWORD)}},
        {"content": b"a=\xff&username=%ff", "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"content": b"&&=&username", "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"content": b"--x\r\n", "headers": {"content-type": "multipart/form-data"}},
    ],
    ids=lambda options: ascii(options)[:60],
)
async def test_forms(both: Both, options):
    await both.agree_on(post(REGISTER, **options))


@pytest.mark.parametrize(("method", "path"), [("POST", LOGIN), ("PATCH", ME), ("DELETE", ME), ("POST", SET_PASSWORD)])
async def test_null_elsewhere(both_with_alice: Both, method, path):
    options = {"content": b"null", "headers": JSON}
    await both_with_alice.agree_on(Call(method, path, as_alice=True, options=options))


async def test_a_taken_name(both_with_alice: Both):
    await both_with_alice.agree_on(post(REGISTER, {"username": "alice", "password": PASSWORD}))
    await both_with_alice.agree_on(post(REGISTER, {"username": " alice ", "password": "short"}))


@pytest.mark.parametrize("as_alice", [False, True])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
async def test_other_methods(both_with_alice: Both, method, as_alice):
    await both_with_alice.agree_on(Call(method, REGISTER, as_alice=as_alice))


async def test_a_bad_token_is_refused_although_none_is_needed(both: Both):
    body = {"username": "bob", "password": PASSWORD}
    for authorization in ("Token nope", "Token", "Basic nope", ""):
        await both.agree_on(post(REGISTER, body, headers={"authorization": authorization}))
