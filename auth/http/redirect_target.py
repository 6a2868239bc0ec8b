"""Checks the target of a redirect after sign-in (open redirects)."""

import re
from typing import Final

_LOCAL_PATH: Final = re.compile(r"/(?!/)[!-\[\]-~]*")
"""Browsers treat // and /\\ as the start of another host, and drop tabs and line breaks."""
_MAX_LENGTH: Final = 8000


def safe_redirect_path(text: str | None) -> str:
    """The path with its query if it is on this host; otherwise the start page."""
    return text if text and len(text) <= _MAX_LENGTH and _LOCAL_PATH.fullmatch(text) else "/"
