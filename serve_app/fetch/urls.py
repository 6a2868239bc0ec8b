"""Validates image URLs and converts them to a canonical form that all URL parsers understand alike."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

import httpx

from serve_app.errors import BadUrl

MAX_LENGTH: Final = 2_048

_PATTERN: Final = re.compile(r"https?://(?P<authority>[^/?#]*)", re.IGNORECASE)
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\\ud800-\udfff]")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


def parse_image_url(text: str) -> httpx.URL:
    """Parse an absolute http(s) URL; the host becomes ASCII without a trailing dot, the fragment is removed.

    :raises BadUrl: the URL is malformed, too long, not http(s), has credentials, or is ambiguous between parsers.
    """
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise BadUrl(f"The URL has {len(text):,} characters; {MAX_LENGTH:,} are allowed.")
    match = _PATTERN.match(text)
    if match is None:
        raise BadUrl("The URL must begin with http:// or https://.")
    if _UNSAFE.search(text):
        raise BadUrl("The URL must not contain spaces, control characters or backslashes.")
    if "@" in match["authority"]:
        raise BadUrl("The URL must not contain a user name or password.")
    try:
        url = httpx.URL(text)
        host = _host(url.raw_host.decode("ascii").lower())
        return url.copy_with(host=host, port=_port(url), fragment=None)
    except (httpx.InvalidURL, ValueError) as error:
        raise BadUrl("The URL is malformed.") from error


def host_of(text: str) -> str:
    """The host of a URL, for logs, because path and query may be secret; empty if the URL is invalid."""
    try:
        return parse_image_url(text).host
    except BadUrl:
        return ""


def _host(host: str) -> str:
    if ":" in host:
        return _ipv6(host)
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadUrl("The URL has no valid host name.")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(name)
    return name


def _ipv4(host: str) -> str:
    try:
        return str(IPv4Address(host))
    except AddressValueError:
        # Some parsers read 2130706433, 0x7f.1 and 0177.0.0.1 as 127.0.0.1, others as names.
        raise BadUrl("An IPv4 address in a URL must be four decimal numbers, like 192.0.2.1.") from None


def _ipv6(host: str) -> str:
    if "%" in host:
        raise BadUrl("An IPv6 address in a URL must not have a zone.")
    return str(IPv6Address(host))


def _port(url: httpx.URL) -> int | None:
    port = url.port
    if port in (None, 80, 443) or 1024 <= port <= 65535:
        return port
    raise BadUrl(f"The URL has port {port}; allowed are 80, 443 and 1024 to 65535.")
