"""How passwords are kept, and which are refused."""

import gzip
import random
import string
import time
from importlib.resources import files
from statistics import median

import pytest
from argon2 import extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from auth.passwords.hashing import Passwords
from auth.passwords.strength import worth

GOOD = "plum kettle orbit canyon"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(15)


def test_the_parameters_are_those_promised(passwords):
    kept = passwords.hash(GOOD)
    parameters = extract_parameters(kept)
    assert kept.startswith("$argon2id$v=19$")
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
    assert GOOD not in kept
    assert passwords.hash(GOOD) != kept


def test_only_the_password_matches(passwords):
    kept = passwords.hash(GOOD)
    assert passwords.matches(kept, GOOD)
    for wrong in (GOOD.upper(), GOOD[:-1], GOOD + "x", "", "\ud800", "\0", GOOD + "\0"):
        assert not passwords.matches(kept, wrong)


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("the ﬁrst élan of spring", "the first e\u0301lan of spring"),
        ("ａ ｗｉｄｅ ｐａｓｓ ｐｈｒａｓｅ", "a wide pass phrase"),
        (f" {GOOD}\n", GOOD),
        (GOOD.replace(" ", "\u00a0"), GOOD),
    ],
)
def test_it_matches_however_it_is_typed(passwords, chosen, typed):
    assert passwords.matches(passwords.hash(chosen), typed)


def test_nothing_matches_who_has_none(passwords):
    for password in ("", GOOD, "None"):
        assert not passwords.matches(None, password)
        assert not passwords.matches("", password)
        assert not passwords.matches("not a hash", password)


def test_others_parameters_are_outdated(passwords):
    assert not passwords.is_outdated(passwords.hash(GOOD))
    assert passwords.is_outdated("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG")


@pytest.mark.parametrize(
    "password",
    [
        *(
            GOOD,
            "correct horse battery stable",
            "Zm9vYmFyCg4Xk2p",
            "夏の夜の静かな湖に映る月のひかり",
            "a long walk by the sea",
        ),
        *(
            "purple coffee monkey summer",
            "0123 is not how I begin",
            "x" * 3 + " marks the spot",
            "🦊🐢🐙🦉🐝🐞🦋🐳🐬🦅🦆🦢🦩🐿🦔",
        ),
        "a" + "bcdefgh ijkl " * 9 + "mnop qr!!!",
    ],
)
def test_good_ones_are_good(passwords, password):
    assert passwords.faults_of(password, username="alice", email="alice.liddell@example.org") == []


@pytest.mark.parametrize(
    "password",
    [
        *(
            "password1234567",
            "Password1234567",
            "P@ssw0rdP@ssw0rd",
            "passwordpassword",
            "qwertyuiopasdfgh",
            "1q2w3e4r5t6y7u8i",
        ),
        *(
            "aaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "123456789012345",
            "987654321098765",
            "administrator1985",
            "йцукенгшщзхъфыва",
        ),
        *(
            "iloveyouiloveyou",
            "correcthorsebatterystaple",
            "Summer2025Summer2025",
            "raylensraylens1",
            "Raylens-2026-2026",
        ),
        *(
            "letmeinletmein1",
            "changeme-changeme",
            "manchesterunited",
            "ｐａｓｓｗｏｒｄ1234567",
            "qwertz-asdf-1234",
        ),
    ],
)
def test_common_ones_are_not(passwords, password):
    assert passwords.faults_of(password) == ["This password is too common."]


@pytest.mark.parametrize(
    ("password", "attribute"),
    [
        ("frederick-wolfgang", "username"),
        ("Frederick Wolfgang 85", "username"),
        ("wolfgangfrederick!", "username"),
        ("f.w.mozart@salzburg.example", "email address"),
        ("salzburg mozart 1", "email address"),
    ],
)
def test_ones_own_names_are_not(passwords, password, attribute):
    faults = passwords.faults_of(password, username="Frederick.Wolfgang", email="f.w.mozart@salzburg.example")
    assert faults == [f"The password is too similar to the {attribute}."]


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("", "This password is too short. It must contain at least 15 characters."),
        ("fourteen chars", "This password is too short. It must contain at least 15 characters."),
        (" fourteen chars ", "This password is too short. It must contain at least 15 characters."),
        ("0a heron; " * 13, "Ensure this field has no more than 128 characters."),
        ("ﷺ" * 10, "Ensure this field has no more than 128 characters."),
    ],
)
def test_the_length_is_that_of_what_is_kept(passwords, password, fault):
    assert passwords.faults_of(password) == [fault]


def test_the_length_is_a_setting():
    assert Passwords(8).faults_of("x7Kq9!pz") == []
    assert Passwords(1).faults_of("") == ["This password is too short. It must contain at least 1 character."]
    assert Passwords(8).faults_of("password1") == ["This password is too common."]


def test_most_of_the_long_passwords_of_public_leaks_are_refused(passwords):
    """The others are random ones, or names and words of other languages: no list of twenty thousand helps there."""
    packed = files("django.contrib.auth").joinpath("common-passwords.txt.gz").read_bytes()
    long = [line for line in gzip.decompress(packed).decode().split() if len(line) >= 15]
    refused = [password for password in long if passwords.faults_of(password)]
    assert len(long) > 40
    assert len(refused) >= 0.6 * len(long)


@pytest.mark.parametrize(("length", "share"), [(15, 0.0), (12, 0.01), (10, 0.03)])
def test_random_ones_are_hardly_ever_refused(length, share):
    chance = random.Random(1)
    passwords = Passwords(length)
    alphabet = string.ascii_letters + string.digits
    refused = sum(bool(passwords.faults_of("".join(chance.choices(alphabet, k=length)))) for _ in range(300))
    assert refused <= share * 300


@given(st.text(max_size=200), st.text(max_size=50), st.text(max_size=50))
def test_any_text_has_an_answer(password, username, email):
    assert isinstance(Passwords(15).faults_of(password, username=username, email=email), list)
    assert 0 <= worth(password) <= len(password.casefold())


@pytest.mark.parametrize("password", ["ab" * 64, "a" * 128, "abcdefghijklm" * 9, "qwerty1password" * 8, "\0" * 128])
def test_judging_one_takes_no_time_worth_mentioning(passwords, password):
    passwords.faults_of(password)
    begun = time.process_time()
    passwords.faults_of(password, username="a" * 150, email="a" * 240 + "@x.org")
    assert time.process_time() - begun < 0.5


def test_a_wrong_password_takes_as_long_as_one_of_nobody(passwords):
    """Medians of many, asked in turn: what else the machine does strikes both alike."""
    kept = passwords.hash(GOOD)
    took: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(40):
        for is_somebody in (turn % 2 == 0, turn % 2 == 1):
            begun = time.perf_counter()
            assert not passwords.matches(kept if is_somebody else None, f"a wrong guess, number {turn}")
            took[is_somebody].append(time.perf_counter() - begun)
    assert median(took[True]) == pytest.approx(median(took[False]), rel=0.25)
