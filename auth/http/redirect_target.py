"""Paths of our own to go on to, from addresses that anybody can make up."""

import re
from typing import Final

_LOCAL_PATH: Final = re.compile(r"/(?!/)[!-\[\]-~]*")
"""Browsers take // and /\\ for the start of another host, and drop tabs and line breaks."""
_MAX_LENGTH: Final = 8000


def safe_redirect_path(text: str | None) -> str:
    """The path where it is surely one of ours, with its query; otherwise the start page."""
    return text if text and len(text) <= _MAX_LENGTH and _LOCAL_PATH.fullmatch(text) else "/"
