"""What a user may be called, as in Django: letters, digits and @ . + - _, 150 at most."""

import re
import unicodedata
from typing import Final

_MAX_LENGTH: Final = 150
_MAX_GENERATED_LENGTH: Final = 64
"""The key of a name may be twice as long as the name."""
_ALLOWED: Final = re.compile(r"[\w.@+-]+\Z")


def normalize_username(username: str) -> str:
    """As it is kept: NFKC, without space around it."""
    return unicodedata.normalize("NFKC", username).strip()


def key_of(username: str) -> str:
    """What makes it one name, however it is written: ``ALICE`` and ``alice``, ``Straße`` and ``STRASSE``.

    Unicode's compatibility caseless match.
    """
    folded = unicodedata.normalize("NFD", normalize_username(username)).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())


def username_errors(username: str) -> list[str]:
    """What is wrong with it, in Django's words; whether it is taken is another question."""
    name = normalize_username(username)
    if not name:
        return ["This field may not be blank."]
    faults = []
    if not _ALLOWED.match(name):
        faults.append("Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.")
    if max(len(name), len(key_of(name))) > _MAX_LENGTH:
        faults.append(f"Ensure this field has no more than {_MAX_LENGTH} characters.")
    return faults


def valid_username_from(text: str) -> str:
    """A valid one that resembles the text, with room for a number behind it; may be taken."""
    name = re.sub(r"[^\w.@+-]+", "-", normalize_username(text)).strip("-")[:_MAX_GENERATED_LENGTH]
    return name if name and not username_errors(name) else "user"
