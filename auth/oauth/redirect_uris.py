"""Redirect URIs of clients."""

import re
from typing import Final
from urllib.parse import urlencode, urlsplit

_MAX_LENGTH: Final = 2000
_ALLOWED: Final = re.compile(
    r"""(?: https://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?
          | http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?
          | [a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:(?=/)       # private-use scheme: a reversed domain name (RFC 8252)
        )
        (?:[/?][A-Za-z0-9._~:/?@!$&()+,;=%\[\]-]*)?        # no *, which is not a wildcard here
    """,
    re.VERBOSE,
)
_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?([/?].*)?")


def may_be_registered(uri: str) -> bool:
    """https, http on a loopback address, or a private-use scheme such as com.example.app:/callback."""
    return len(uri) <= _MAX_LENGTH and _ALLOWED.fullmatch(uri) is not None


def matches(registered: str, requested: str) -> bool:
    """Exactly equal; on a loopback address any port is accepted (RFC 8252, section 7.3)."""
    if registered == requested:
        return True
    one, other = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(requested)
    return one is not None and other is not None and one.groups("") == other.groups("")


def csp_source(uri: str) -> str:
    """Source expression of a URI for a Content-Security-Policy: an origin, or only a scheme."""
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or "[" in parts.netloc:  # CSP has no syntax for IPv6
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


def with_parameters(uri: str, **parameters: str) -> str:
    """The URI with parameters appended to its query."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(parameters)}"
