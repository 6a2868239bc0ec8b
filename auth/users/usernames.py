"""Usernames as in Django: at most 150 letters, digits and @ . + - _. A new one must not imitate another."""

import re
import unicodedata
from typing import Final

from auth.users.scripts import mixes_digits, mixes_scripts

_MAX_LENGTH: Final = 150
_MAX_GENERATED_LENGTH: Final = 64
"""The key of a name may be longer than the name itself."""
_ALLOWED: Final = re.compile(r"[\w.@+-]+\Z")
_INVISIBLE: Final = re.compile("[\u115f\u1160]")
"""Hangul fillers, the only letters without a shape."""


def normalize_username(username: str) -> str:
    """The stored form: NFKC without surrounding white space."""
    return unicodedata.normalize("NFKC", username).strip()


def key_of(username: str) -> str:
    """Key for comparison: ``ALICE`` equals ``alice``, ``Straße`` equals ``STRASSE``.

    This is Unicode's compatibility caseless match.
    """
    folded = unicodedata.normalize("NFD", normalize_username(username)).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())


def may_exist(username: str) -> bool:
    """Whether a user may have this name. Names from before a rule of :func:`username_errors` was added may exist."""
    return not _syntax_errors(normalize_username(username))


def username_errors(username: str) -> list[str]:
    """Validation errors of a new name, in Django's wording. Whether it is taken is not checked."""
    name = normalize_username(username)
    errors = _syntax_errors(name)
    if mixes_scripts(name) or mixes_digits(name):
        errors.append("Use letters and digits of one script: a mixture can imitate another name.")
    return errors


def valid_username_from(text: str) -> str:
    """A valid username similar to the text, with room for a number at the end; it may be taken."""
    name = _with_allowed_characters(normalize_username(text))
    ascii_name = _with_allowed_characters(re.sub(r"[^\x21-\x7e]+", "-", name))
    return next((name for name in (name, ascii_name) if name and not username_errors(f"{name}-0")), "user")


def _with_allowed_characters(text: str) -> str:
    return re.sub(r"[^\w.@+-]+", "-", text).strip("-_")[:_MAX_GENERATED_LENGTH]


def _syntax_errors(name: str) -> list[str]:
    if not name:
        return ["This field may not be blank."]
    errors = []
    if not _ALLOWED.match(name) or _INVISIBLE.search(name):
        errors.append("Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.")
    if max(len(name), len(key_of(name))) > _MAX_LENGTH:
        errors.append(f"Ensure this field has no more than {_MAX_LENGTH} characters.")
    return errors
