"""How passwords are hashed and verified."""

import time
from statistics import median

import pytest
from argon2 import extract_parameters

from auth.passwords.hashing import Passwords
from tests.auth.application import PASSWORD, SETTINGS


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    """With the cost of production."""
    return Passwords(15)


@pytest.fixture(scope="module")
def cheap() -> Passwords:
    return Passwords(15, SETTINGS.hashing_cost)


def test_the_default_parameters_are_those_in_the_documentation(passwords):
    stored = passwords.hash(PASSWORD)
    parameters = extract_parameters(stored)
    assert stored.startswith("$argon2id$v=19$")
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
    assert PASSWORD not in stored
    assert passwords.hash(PASSWORD) != stored
    assert passwords.matches(stored, PASSWORD)


def test_only_the_password_matches(cheap):
    stored = cheap.hash(PASSWORD)
    assert cheap.matches(stored, PASSWORD)
    wrong = (PASSWORD.upper(), PASSWORD[:-1], PASSWORD + "x", "", "\ud800", "\0", PASSWORD + "\0")
    assert [password for password in wrong if cheap.matches(stored, password)] == []


def test_it_matches_in_any_unicode_form_and_with_space_around_it(cheap):
    pairs = {
        "the ﬁrst élan of spring": "the first e\u0301lan of spring",
        "ａ ｗｉｄｅ ｐａｓｓ ｐｈｒａｓｅ": "a wide pass phrase",
        f" {PASSWORD}\n": PASSWORD,
        PASSWORD.replace(" ", "\u00a0"): PASSWORD,
    }
    assert [chosen for chosen, typed in pairs.items() if not cheap.matches(cheap.hash(chosen), typed)] == []


def test_nothing_matches_a_user_without_a_password(cheap):
    for password in ("", PASSWORD, "None"):
        assert not cheap.matches(None, password)
        assert not cheap.matches("", password)
        assert not cheap.matches("not a hash", password)


def test_hashes_with_other_parameters_are_outdated(passwords, cheap):
    assert not cheap.needs_rehash(cheap.hash(PASSWORD))
    assert passwords.needs_rehash(cheap.hash(PASSWORD))
    assert passwords.needs_rehash("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG")


def test_a_wrong_password_takes_as_long_as_an_unknown_user(passwords):
    """Medians of CPU time, measured in turns, so that other load affects both alike."""
    stored = passwords.hash(PASSWORD)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(15):
        for is_known in (turn % 2 == 0, turn % 2 == 1):
            start = time.process_time()
            assert not passwords.matches(stored if is_known else None, f"a wrong guess, number {turn}")
            seconds[is_known].append(time.process_time() - start)
    assert median(seconds[True]) == pytest.approx(median(seconds[False]), rel=0.25)
