"""Names of users' models, which clients select them by."""

import unicodedata

from models.errors import InvalidModel

_MAX_BYTES = 100
"""Names become parts of file names, which have at most 255 bytes."""
_KEPT = frozenset("._-")


def model_name(text: str) -> str:
    """The name for the stem of a file or a name in ``model.yaml``: NFC, without upper case, in any script.

    Everything but letters, digits, symbols and ``._-`` becomes ``-``. Raises InvalidModel if nothing is left, or too
    much.
    """
    lower = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    words = "".join(char if _is_kept(char) else " " for char in lower).split()
    name = "-".join(words).strip("-")
    if not name.strip("._"):
        raise InvalidModel(
            f"No name for a model can be made of {text!r}; rename the file, or set `name` in model.yaml."
        )
    if len(name.encode()) > _MAX_BYTES:
        raise InvalidModel(
            f"The name {name[:20]}… has {len(name.encode())} bytes, more than {_MAX_BYTES}; rename the file, or set "
            "`name` in model.yaml."
        )
    return name


def ascii_name(name: str) -> str:
    """The name where only ASCII is possible, like Ray's metrics: in Punycode after ``xn--`` if it has other letters."""
    return name if name.isascii() else f"xn--{name.encode('punycode').decode('ascii')}"


def folded(text: str) -> str:
    """Names that differ only in case or in how they encode accents become equal. Not for display: ß becomes ss."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _is_kept(char: str) -> bool:
    """Letters, marks and digits of any script, and emoji; not what is special in URLs, labels and terminals."""
    return char in _KEPT or unicodedata.category(char)[0] in "LMN" or unicodedata.category(char) == "So"
