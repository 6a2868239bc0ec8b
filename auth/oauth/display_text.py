"""Texts that applications and devices choose and that consent pages show. They must not imitate or hide anything."""

import re
import unicodedata
from typing import Final

from auth.users.skeletons import skeleton_of

MAX_DEVICE_NAME_LENGTH: Final = 64
_BLANK: Final = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")
"""Printable characters without a shape: Hangul fillers and the empty Braille pattern."""
_STACKED_MARKS: Final = re.compile("M{3}")
_BRAND: Final = skeleton_of("raylens")


def is_presentable(text: str, max_length: int) -> bool:
    """Whether a text is 1 to ``max_length`` visible characters in one line.

    Excludes control characters, invisible ones, those that change the direction of writing, and stacks of combining
    marks, which cover the lines above.
    """
    if not text.strip() or len(text) > max_length or not text.isprintable() or _BLANK.search(text):
        return False
    categories = "".join(unicodedata.category(character)[0] for character in unicodedata.normalize("NFD", text))
    return _STACKED_MARKS.search(categories) is None


def imitates_raylens(text: str) -> bool:
    """Whether a text contains the name of this service, or what looks like it, whatever is between the letters."""
    letters = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text)))
    return _BRAND in skeleton_of(letters)
