"""Skeletons of texts: texts that look the same have the same skeleton (Unicode Technical Standard 39, section 4)."""

import hashlib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

_CONFUSABLES: Final = Path(__file__).with_name("confusables.txt")
_OWN_PROTOTYPES: Final = {ord("ӏ"): "l"}
"""Cyrillic palochka: Unicode's prototype is i, but in the common fonts it looks like l."""


def skeleton_of(text: str) -> str:
    """For comparison only. ``AIice``, ``a1ice`` and the Cyrillic ``аӏісе`` are ``alice``.

    Unlike in the standard, upper and lower case are the same, so ``RN`` equals ``M``. A capital I stays similar to l,
    because it is replaced before the case.
    """
    return _replaced(_replaced(unicodedata.normalize("NFKC", text)).casefold())


def skeleton_digest(text: str) -> bytes:
    """SHA-256 of the skeleton, 32 bytes: a skeleton may be far longer than the text."""
    return hashlib.sha256(skeleton_of(text).encode(errors="replace")).digest()


def _replaced(text: str) -> str:
    """Each character replaced by its prototype."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).translate(_prototypes()))


@cache
def _prototypes() -> dict[int, str]:
    lines = (line.split() for line in _CONFUSABLES.read_text("ascii").splitlines() if not line.startswith("#"))
    unicode = {int(source, 16): "".join(chr(int(code, 16)) for code in target) for source, *target in lines}
    return unicode | _OWN_PROTOTYPES
