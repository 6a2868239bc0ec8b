"""Which scripts (alphabets) a text combines: letters of several scripts can imitate a word of one (UTS 39, section 5).

The standard library does not know the script of a character. The first word of its name tells it for all letters that
usernames commonly have.
"""

import unicodedata
from typing import Final

_HAN: Final = frozenset({"CJK", "IDEOGRAPHIC"})
_COMBINED: Final = (
    _HAN | {"LATIN", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"},
    _HAN | {"LATIN", "HANGUL"},
    _HAN | {"LATIN", "BOPOMOFO"},
)
"""Scripts that are written together: those of Japanese, Korean and Chinese, also with Latin letters (UTS 39,
restriction level "highly restrictive")."""


def mixes_scripts(text: str) -> bool:
    """Whether letters belong to scripts that no language combines, such as Latin and Cyrillic."""
    scripts = {_script_of(character) for character in text if unicodedata.category(character).startswith("L")}
    scripts.discard("MODIFIER")  # common to all scripts
    return len(scripts) > 1 and not any(scripts <= combined for combined in _COMBINED)


def mixes_digits(text: str) -> bool:
    """Whether decimal digits belong to several sets, such as 1 and the Arabic ١."""
    digits = [character for character in text if unicodedata.category(character) == "Nd"]
    zeros = {ord(digit) - unicodedata.decimal(digit) for digit in digits}
    return len(zeros) > 1


def _script_of(character: str) -> str:
    """Empty for a letter that this version of Python does not know."""
    return unicodedata.name(character, "").partition(" ")[0]
