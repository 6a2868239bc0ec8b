"""Passwords: how they are kept, and which are refused."""

import base64
import os
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from auth.passwords.strength import worth

LANES: Final = 1
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32

MAX_PASSWORD_LENGTH: Final = 128
_MIN_STRENGTH: Final = 8
"""In characters, once what is common, repeated or the user's own is taken out; less where shorter ones are allowed."""


@dataclass(frozen=True, slots=True)
class HashingCost:
    """The parameters of argon2id. The defaults take about 25 ms on one core."""

    memory_kib: int = 19 * 1024
    passes: int = 2


DEFAULT_COST: Final = HashingCost()


def normalize_password(password: str) -> bytes:
    """However it was typed, and without space around it: what copying adds is not meant."""
    return _text(password).encode(errors="surrogatepass")


class Passwords:
    """Hashes, verifies and judges passwords. ``min_length``: in characters."""

    def __init__(self, min_length: int, cost: HashingCost = DEFAULT_COST) -> None:
        self._min_length = min_length
        self._min_strength = min(_MIN_STRENGTH, min_length * 2 // 3)
        self._hasher = PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=LANES,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
            type=Type.ID,
        )
        self._dummy_hash = _make_dummy_hash(cost)

    def hash(self, password: str) -> str:
        return self._hasher.hash(normalize_password(password))

    def matches(self, kept: str | None, password: str) -> bool:
        """Takes as long for a user who is not there or has no password (``kept`` None) as for a wrong one."""
        try:
            self._hasher.verify(kept or self._dummy_hash, normalize_password(password))
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    def is_outdated(self, kept: str) -> bool:
        """It was made with other parameters than today's; hash anew what has just matched it."""
        return self._hasher.check_needs_rehash(kept)

    def faults_of(self, password: str, *, username: str = "", email: str = "") -> list[str]:
        """Why it may not be somebody's password, in Django's words where it has them. Nothing about its composition."""
        text = _text(password)
        if len(text) > MAX_PASSWORD_LENGTH:
            return [f"Ensure this field has no more than {MAX_PASSWORD_LENGTH} characters."]
        faults = []
        for name, own in (("username", username), ("email address", email)):
            if worth(text, _parts(own)) < self._min_strength <= worth(text):
                faults.append(f"The password is too similar to the {name}.")
        if len(text) < self._min_length:
            characters = "character" if self._min_length == 1 else "characters"
            faults.append(f"This password is too short. It must contain at least {self._min_length} {characters}.")
        elif worth(text) < self._min_strength:
            faults.append("This password is too common.")
        return faults


def _text(password: str) -> str:
    return unicodedata.normalize("NFKC", password).strip()


def _parts(own: str) -> list[str]:
    """A name and an address, whole and in pieces long enough to be told from chance."""
    text = _text(own).casefold()
    return [part for part in {text, *re.split(r"[\W_]+", text)} if len(part) >= 3]


def _make_dummy_hash(cost: HashingCost) -> str:
    """As costly to check as a real one, and matched by no password."""
    salt, digest = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (SALT_BYTES, HASH_BYTES))
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={LANES}${salt}${digest}"
