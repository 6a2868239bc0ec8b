"""What people see and change of their own account, request by request as the original answers it."""

from typing import Any

import pytest

from tests.auth.reference.comparison import ALICE, LOGIN, ME, PASSWORD, REGISTER, SET_PASSWORD, Both, Call, post

NEW = "a heron over the wet meadow"
CHANGES: list[Any] = [
    *({}, {"email": "b@example.org"}, {"username": "zed"}, {"email": "x"}, {"email": ""}, {"email": None}, {"id": 9}),
    *({"email": " b@example.org "}, {"email": ["x"]}, {"password": "x"}, [], None, "x", 1),
]
PASSWORD_CHANGES = [
    {},
    {"new_password": NEW},
    {"current_password": "wrong", "new_password": NEW},
    {"current_password": PASSWORD, "new_password": "short"},
    {"current_password": PASSWORD, "new_password": ""},
    {"current_password": PASSWORD, "new_password": None},
    {"current_password": PASSWORD, "new_password": []},
    {"current_password": PASSWORD, "new_password": "a\0 heron over the meadow"},
    {"current_password": PASSWORD, "new_password": "alice@example.org"},
    {"current_password": None, "new_password": None},
    {"current_password": "", "new_password": ""},
    {"current_password": {}, "new_password": True},
    {"current_password": PASSWORD, "new_password": NEW},
    {"current_password": PASSWORD, "new_password": PASSWORD},
    [],
    None,
    "x",
]
DELETIONS: list[Any] = [
    *({}, {"current_password": "wrong"}, {"current_password": ""}, {"current_password": None}, [], None, "x"),
    *({"current_password": []}, {"current_password": PASSWORD}, {"current_password": f" {PASSWORD} ", "more": 1}),
]


@pytest.mark.parametrize("as_alice", [False, True])
@pytest.mark.parametrize("path", [ME, REGISTER])
async def test_who_one_is(both_with_alice: Both, path, as_alice):
    await both_with_alice.agree_on(Call("GET", path, as_alice=as_alice))


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("says", CHANGES, ids=ascii)
async def test_changing_oneself(both_with_alice: Both, method, says):
    await both_with_alice.agree_on(Call(method, ME, says, as_alice=True))
    await both_with_alice.agree_on(Call("GET", ME, as_alice=True))


@pytest.mark.parametrize(
    "options",
    [
        {"data": {"email": "b@example.org"}},
        {"data": {"email": ""}},
        {"content": b"{", "headers": {"content-type": "application/json"}},
        {"content": b"{}", "headers": {"content-type": "text/plain"}},
    ],
    ids=ascii,
)
@pytest.mark.parametrize("as_alice", [False, True])
async def test_changing_oneself_otherwise(both_with_alice: Both, options, as_alice):
    await both_with_alice.agree_on(Call("PATCH", ME, as_alice=as_alice, options=options))


@pytest.mark.parametrize("says", PASSWORD_CHANGES, ids=ascii)
async def test_changing_the_password(both_with_alice: Both, says):
    await both_with_alice.agree_on(post(SET_PASSWORD, says, as_alice=True))
    for password in (PASSWORD, NEW):
        await both_with_alice.agree_on(post(LOGIN, {"username": "alice", "password": password}))
    await both_with_alice.agree_on(Call("GET", ME, as_alice=True))


@pytest.mark.parametrize("says", DELETIONS, ids=ascii)
async def test_deleting_oneself(both_with_alice: Both, says):
    await both_with_alice.agree_on(Call("DELETE", ME, says, as_alice=True))
    await both_with_alice.agree_on(Call("GET", ME, as_alice=True))
    await both_with_alice.agree_on(post(LOGIN, {"username": "alice", "password": PASSWORD}))


async def test_a_name_is_free_again(both_with_alice: Both):
    await both_with_alice.agree_on(Call("DELETE", ME, {"current_password": PASSWORD}, as_alice=True))
    assert (await both_with_alice.agree_on(post(REGISTER, ALICE))).status == 201


@pytest.mark.parametrize("as_alice", [False, True])
@pytest.mark.parametrize(("method", "path"), [("POST", ME), ("BREW", ME), ("GET", SET_PASSWORD), ("PUT", SET_PASSWORD)])
async def test_other_methods(both_with_alice: Both, method, path, as_alice):
    await both_with_alice.agree_on(Call(method, path, {}, as_alice=as_alice))


@pytest.mark.parametrize(("method", "path"), [("PATCH", ME), ("DELETE", ME), ("POST", SET_PASSWORD)])
async def test_who_has_no_token_does_nothing(both_with_alice: Both, method, path):
    await both_with_alice.agree_on(Call(method, path, {"current_password": PASSWORD, "new_password": NEW}))
    await both_with_alice.agree_on(Call(method, path, options={"content": b"{"}))
