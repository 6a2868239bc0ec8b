"""Redirect URIs of clients."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode, urlsplit

_MAX_LENGTH: Final = 2000
_ALLOWED: Final = re.compile(
    r"""(?: https://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?
          | http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]{1,5})?
          | [a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:(?=/)       # private-use scheme: a reversed domain name (RFC 8252)
        )
        (?:[/?][A-Za-z0-9._~:/?@!$&()+,;=%\[\]-]*)?        # no *, which is not a wildcard here
    """,
    re.VERBOSE,
)
_PORT: Final = re.compile(r":([0-9]+)\Z")
_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?([/?].*)?")


def may_be_registered(uri: str) -> bool:
    """https, http on a loopback address, or a private-use scheme such as com.example.app:/callback."""
    return len(uri) <= _MAX_LENGTH and _ALLOWED.fullmatch(uri) is not None and _has_valid_authority(uri)


def matches(registered: str, requested: str) -> bool:
    """Exactly equal; on a loopback address any port is accepted (RFC 8252, section 7.3)."""
    if registered == requested:
        return True
    one, other = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(requested)
    if one is None or other is None or one.groups("") != other.groups(""):
        return False
    return _has_valid_authority(requested)


def _has_valid_authority(uri: str) -> bool:
    """Whether the port is below 65,536, and an IPv6 address is one."""
    try:
        return urlsplit(uri).port != 0
    except ValueError:
        return False


def is_native(uri: str) -> bool:
    """Whether it leads to a program on the user's device, by a port or a private scheme. Any program can claim it."""
    return not uri.startswith("https://")


def csp_source(uri: str) -> str:
    """Source expression of a URI for a Content-Security-Policy: an origin, or only a scheme."""
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or "[" in parts.netloc:  # CSP has no syntax for IPv6
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


def origins_of(uris: Iterable[str]) -> set[str]:
    """Where URIs lead to, without their paths."""
    return {urlsplit(uri)._replace(path="", query="", fragment="").geturl() for uri in uris}


def port_of(uri: str) -> str:
    """Digits of the port that a URI names; empty if it names none."""
    found = _PORT.search(urlsplit(uri).netloc)
    return found[1] if found else ""


def with_parameters(uri: str, **parameters: str) -> str:
    """The URI with parameters appended to its query."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(parameters)}"
