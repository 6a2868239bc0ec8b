"""Password hashing with argon2id, and the password rules."""

import os
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from auth.passwords.strength import strength

MAX_PASSWORD_LENGTH: Final = 128
DEFAULT_STRENGTH: Final = 12.5
"""Decimal logarithm of the guesses that a password has to withstand; lower with a minimum length below 15."""


def min_strength(min_length: int) -> float:
    """The same for passwords with at least ``min_length`` characters."""
    return min(DEFAULT_STRENGTH, min_length * DEFAULT_STRENGTH / 15)


@dataclass(frozen=True, slots=True)
class HashingCost:
    """Parameters of argon2id. With the defaults, a hash takes about 25 ms on one core."""

    memory_kib: int = 19 * 1024
    passes: int = 2


DEFAULT_COST: Final = HashingCost()


def normalize_password(password: str) -> bytes:
    """NFKC without surrounding white space, so the result does not depend on the keyboard or on how it was copied."""
    return _text(password).encode(errors="surrogatepass")


class Passwords:
    """Hashes, verifies and validates passwords. ``min_length`` is in characters."""

    def __init__(self, min_length: int, cost: HashingCost = DEFAULT_COST) -> None:
        self._min_length = min_length
        self._min_strength = min_strength(min_length)
        self._hasher = PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=1)
        self._dummy_hash = self._hasher.hash(os.urandom(16))

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
