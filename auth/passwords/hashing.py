"""Password hashing with argon2id, and the password rules."""

import base64
import os
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from auth.passwords.strength import strength

LANES: Final = 1
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32

MAX_PASSWORD_LENGTH: Final = 128
_MIN_STRENGTH: Final = 12.5
"""Decimal logarithm of the guesses; lower if the settings allow passwords shorter than 15 characters."""


@dataclass(frozen=True, slots=True)
class HashingCost:
    """The parameters of argon2id. The defaults take about 25 ms on one core."""

    memory_kib: int = 19 * 1024
    passes: int = 2


DEFAULT_COST: Final = HashingCost()


def normalize_password(password: str) -> bytes:
    """NFKC without surrounding white space, so the result does not depend on the keyboard or on how it was copied."""
    return _text(password).encode(errors="surrogatepass")


class Passwords:
    """Hashes, verifies and judges passwords. ``min_length``: in characters."""

    def __init__(self, min_length: int, cost: HashingCost = DEFAULT_COST) -> None:
        self._min_length = min_length
        self._min_strength = min(_MIN_STRENGTH, min_length * _MIN_STRENGTH / 15)
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

    def matches(self, stored: str | None, password: str) -> bool:
        """Takes the same time if there is no such user or no password (``stored`` is None) as for a wrong password."""
        try:
            self._hasher.verify(stored or self._dummy_hash, normalize_password(password))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def needs_rehash(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than the current ones."""
        return self._hasher.check_needs_rehash(stored)

    def errors_of(self, password: str, *, username: str = "", email: str = "") -> list[str]:
        """Why the password is not acceptable, in Django's wording. There are no composition rules."""
        text = _text(password)
        if len(text) > MAX_PASSWORD_LENGTH:
            return [f"Ensure this field has no more than {MAX_PASSWORD_LENGTH} characters."]
        errors = []
        similar_to, remaining = _most_similar(text, {"username": username, "email address": email})
        if similar_to and remaining < self._min_strength:
            errors.append(f"The password is too similar to the {similar_to}.")
        if len(text) < self._min_length:
            characters = "character" if self._min_length == 1 else "characters"
            errors.append(f"This password is too short. It must contain at least {self._min_length} {characters}.")
        elif not errors and strength(text) < self._min_strength:
            errors.append("This password is too common.")
        return errors


def _text(password: str) -> str:
    return unicodedata.normalize("NFKC", password).strip()


def _most_similar(text: str, own: dict[str, str]) -> tuple[str, float]:
    """Which of the user's own words contribute most to a password, and its strength without them; "" if none occur."""
    contained = {name: [part for part in _parts(words) if part in text.casefold()] for name, words in own.items()}
    remaining = {name: strength(text, parts) for name, parts in contained.items() if parts}
    return min(remaining.items(), key=lambda item: item[1], default=("", 0.0))


def _parts(own: str) -> list[str]:
    """The whole text and its words of three or more characters."""
    text = _text(own).casefold()
    return [part for part in {text, *re.split(r"[\W_]+", text)} if len(part) >= 3]


def _make_dummy_hash(cost: HashingCost) -> str:
    """Takes as long to verify as a real hash and matches no password."""
    salt, digest = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (SALT_BYTES, HASH_BYTES))
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={LANES}${salt}${digest}"
