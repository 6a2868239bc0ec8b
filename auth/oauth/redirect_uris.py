"""Where an application may have people sent back to."""

import re
from typing import Final
from urllib.parse import urlencode, urlsplit

LONGEST: Final = 2000
_ALLOWED: Final = re.compile(
    r"""(?: https://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?
          | http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?
          | [a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:(?=/)       # an app's own scheme, a domain backwards
        )
        (?:[/?][A-Za-z0-9._~:/?@!$&()+,;=%\[\]-]*)?        # no *: who writes one hopes that it matches something""",
    re.VERBOSE,
)
_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?([/?].*)?")


def may_be_registered(uri: str) -> bool:
    """HTTPS, plain HTTP on the user's own machine, or an app's own scheme such as com.example.app:/callback."""
    return len(uri) <= LONGEST and _ALLOWED.fullmatch(uri) is not None


def matches(registered: str, asked: str) -> bool:
    """The same, letter by letter; on a loopback address at any port (RFC 8252), since programs take a free one."""
    if registered == asked:
        return True
    ours, theirs = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(asked)
    return ours is not None and theirs is not None and ours.groups("") == theirs.groups("")


def source_of(uri: str) -> str:
    """The place a URI is at, as a Content-Security-Policy writes it: an origin, or a scheme alone."""
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or "[" in parts.netloc:  # the policy's grammar has no IPv6
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


def with_parameters(uri: str, **parameters: str) -> str:
    """The URI with more in its query."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(parameters)}"
