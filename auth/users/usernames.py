"""Usernames as in Django: at most 150 letters, digits and @ . + - _."""

import re
import unicodedata
from typing import Final

_MAX_LENGTH: Final = 150
_MAX_GENERATED_LENGTH: Final = 64
"""The key of a name may be longer than the name itself."""
_ALLOWED: Final = re.compile(r"[\w.@+-]+\Z")


def normalize_username(username: str) -> str:
    """The stored form: NFKC without surrounding white space."""
    return unicodedata.normalize("NFKC", username).strip()


def key_of(username: str) -> str:
    """Key for comparison: ``ALICE`` equals ``alice``, ``Straße`` equals ``STRASSE``.

    This is Unicode's compatibility caseless match.
    """
    folded = unicodedata.normalize("NFD", normalize_username(username)).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())


def username_errors(username: str) -> list[str]:
    """Validation errors, in Django's wording. Uniqueness is not checked."""
    name = normalize_username(username)
    if not name:
        return ["This field may not be blank."]
    errors = []
    if not _ALLOWED.match(name):
        errors.append("Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.")
    if max(len(name), len(key_of(name))) > _MAX_LENGTH:
        errors.append(f"Ensure this field has no more than {_MAX_LENGTH} characters.")
    return errors


def valid_username_from(text: str) -> str:
    """A valid username similar to the text, with room for a number at the end; it may be taken."""
    name = re.sub(r"[^\w.@+-]+", "-", normalize_username(text)).strip("-")[:_MAX_GENERATED_LENGTH]
    return name if name and not username_errors(name) else "user"
