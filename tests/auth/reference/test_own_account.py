"""The own account: the same responses as Djoser's."""

from typing import Any

import pytest

from tests.auth.application import PASSWORD
from tests.auth.reference.comparison import ALICE, LOGIN, ME, REGISTER, SET_PASSWORD, Call, Comparison, post

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


GET_ME = Call("GET", ME, as_alice=True)
CONTENTS: list[dict[str, Any]] = [
    {"data": {"email": "b@example.org"}},
    {"data": {"email": ""}},
    {"content": b"{", "headers": {"content-type": "application/json"}},
    {"content": b"{}", "headers": {"content-type": "text/plain"}},
]


async def test_reading_the_account(comparison: Comparison):
    await comparison.reset(with_alice=True)
    for path in (ME, REGISTER):
        for as_alice in (False, True):
            await comparison.assert_same(Call("GET", path, as_alice=as_alice))


async def test_changing_the_account(comparison: Comparison, subtests: pytest.Subtests):
    for method in ("PATCH", "PUT"):
        for change in CHANGES:
            with subtests.test(f"{method} {change!a}"):
                await comparison.reset(with_alice=True)
                await comparison.assert_same(Call(method, ME, change, as_alice=True), GET_ME)


async def test_changing_the_account_with_other_content(comparison: Comparison, subtests: pytest.Subtests):
    for options in CONTENTS:
        for as_alice in (False, True):
            with subtests.test(ascii(options), as_alice=as_alice):
                await comparison.reset(with_alice=True)
                await comparison.assert_same(Call("PATCH", ME, as_alice=as_alice, options=options))


async def test_changing_the_password(comparison: Comparison, subtests: pytest.Subtests):
    logins = [post(LOGIN, {"username": "alice", "password": password}) for password in (PASSWORD, NEW)]
    for change in PASSWORD_CHANGES:
        with subtests.test(ascii(change)):
            await comparison.reset(with_alice=True)
            await comparison.assert_same(post(SET_PASSWORD, change, as_alice=True), *logins, GET_ME)


async def test_deleting_the_account(comparison: Comparison, subtests: pytest.Subtests):
    login = post(LOGIN, {"username": "alice", "password": PASSWORD})
    for body in DELETIONS:
        with subtests.test(ascii(body)):
            await comparison.reset(with_alice=True)
            await comparison.assert_same(Call("DELETE", ME, body, as_alice=True), GET_ME, login)


async def test_a_deleted_name_can_be_registered_again(comparison: Comparison):
    await comparison.reset(with_alice=True)
    await comparison.assert_same(Call("DELETE", ME, {"current_password": PASSWORD}, as_alice=True))
    assert (await comparison.assert_same(post(REGISTER, ALICE))).status == 201


async def test_other_methods(comparison: Comparison):
    await comparison.reset(with_alice=True)
    for method, path in (("POST", ME), ("BREW", ME), ("GET", SET_PASSWORD), ("PUT", SET_PASSWORD)):
        for as_alice in (False, True):
            await comparison.assert_same(Call(method, path, {}, as_alice=as_alice))


async def test_nothing_changes_without_a_token(comparison: Comparison):
    await comparison.reset(with_alice=True)
    for method, path in (("PATCH", ME), ("DELETE", ME), ("POST", SET_PASSWORD)):
        await comparison.assert_same(
            Call(method, path, {"current_password": PASSWORD, "new_password": NEW}),
            Call(method, path, options={"content": b"{"}),
        )
