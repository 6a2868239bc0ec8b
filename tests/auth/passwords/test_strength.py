"""Which passwords are rejected."""

import gzip
import random
import string
import time
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.passwords.hashing import Passwords
from auth.passwords.strength import strength

TOO_COMMON = "This password is too common."
TOO_SHORT = "This password is too short. It must contain at least 15 characters."
TOO_LONG = "Ensure this field has no more than 128 characters."


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(15)


def test_strong_passwords_are_accepted(passwords):
    strong = [
        "plum kettle orbit canyon",
        "correct horse battery stable",
        "Zm9vYmFyCg4Xk2p",
        "夏の夜の静かな湖に映る月のひかり",
        "a long walk by the sea",
        "purple coffee monkey summer",
        "0123 is not how I begin",
        "x" * 3 + " marks the spot",
        "🦊🐢🐙🦉🐝🐞🦋🐳🐬🦅🦆🦢🦩🐿🦔",
        "a" + "bcdefgh ijkl " * 9 + "mnop qr!!!",
    ]
    faults = {text: passwords.errors_of(text, username="alice", email="alice.liddell@example.org") for text in strong}
    assert faults == {text: [] for text in strong}


# fmt: off
COMMON = [
    "password1234567", "Password1234567", "P@ssw0rdP@ssw0rd", "passwordpassword", "qwertyuiopasdfgh",
    "1q2w3e4r5t6y7u8i", "aaaaaaaaaaaaaaa", "abcabcabcabcabc", "123456789012345", "987654321098765",
    "administrator1985", "йцукенгшщзхъфыва", "iloveyouiloveyou", "correcthorsebatterystaple",
    "Summer2025Summer2025", "raylensraylens1", "Raylens-2026-2026", "letmeinletmein1", "changeme-changeme",
    "manchesterunited", "ｐａｓｓｗｏｒｄ1234567", "qwertz-asdf-1234",
]
# fmt: on


def test_common_passwords_are_rejected(passwords):
    assert {text: passwords.errors_of(text) for text in COMMON} == {text: [TOO_COMMON] for text in COMMON}


def test_passwords_like_the_users_own_name_or_address_are_rejected(passwords):
    similar_to = {
        "frederick-wolfgang": "username",
        "Frederick Wolfgang 85": "username",
        "wolfgangfrederick!": "username",
        "f.w.mozart@salzburg.example": "email address",
        "salzburg mozart 1": "email address",
    }
    own = {"username": "Frederick.Wolfgang", "email": "f.w.mozart@salzburg.example"}
    faults = {text: passwords.errors_of(text, **own) for text in similar_to}
    assert faults == {text: [f"The password is too similar to the {name}."] for text, name in similar_to.items()}


def test_the_length_is_that_of_the_normalized_password(passwords):
    faults = {
        "": [TOO_SHORT],
        "fourteen chars": [TOO_SHORT],
        " fourteen chars ": [TOO_SHORT],
        "0a heron; " * 13: [TOO_LONG],
        "ﷺ" * 10: [TOO_LONG],
    }
    assert {text: passwords.errors_of(text) for text in faults} == faults


def test_the_minimum_length_is_a_setting():
    assert Passwords(8).errors_of("x7Kq9!pz") == []
    assert Passwords(1).errors_of("") == ["This password is too short. It must contain at least 1 character."]
    assert Passwords(8).errors_of("password1") == [TOO_COMMON]


def test_most_long_passwords_of_public_leaks_are_rejected(passwords):
    """The others are random, or names and words of other languages: no list of twenty thousand helps there."""
    packed = files("django.contrib.auth").joinpath("common-passwords.txt.gz").read_bytes()
    long = [line for line in gzip.decompress(packed).decode().split() if len(line) >= 15]
    rejected = [password for password in long if passwords.errors_of(password)]
    assert len(long) > 40
    assert len(rejected) >= 0.6 * len(long)


def test_random_passwords_are_hardly_ever_rejected():
    chance = random.Random(1)
    alphabet = string.ascii_letters + string.digits
    for length, share in ((15, 0.0), (12, 0.01), (10, 0.03)):
        passwords = Passwords(length)
        rejected = sum(bool(passwords.errors_of("".join(chance.choices(alphabet, k=length)))) for _ in range(100))
        assert rejected <= share * 100, length


@settings(max_examples=50)
@given(st.text(max_size=200), st.text(max_size=50), st.text(max_size=50))
def test_any_text_can_be_checked(password, username, email):
    assert isinstance(Passwords(15).errors_of(password, username=username, email=email), list)
    assert 0 <= strength(password) <= 24


def test_the_check_is_fast_for_the_worst_input(passwords):
    symbols = "06(37276741%@98<5|[{$!+2" * 5  # zxcvbn alone takes 0.7 s for the first 24 of them
    for password in ("ab" * 64, "a" * 128, "abcdefghijklm" * 9, "qwerty1password" * 8, "\0" * 128, symbols):
        passwords.errors_of(password)
        start = time.process_time()
        passwords.errors_of(password, username="a" * 150, email="a" * 240 + "@x.org")
        assert time.process_time() - start < 0.5, password[:20]
