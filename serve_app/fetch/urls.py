"""Validates image URLs and converts them to a canonical form that all URL parsers understand alike."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import urljoin

import httpx
import idna

from serve_app.errors import BadUrl

MAX_LENGTH: Final = 2_048
_MAX_REDIRECT_LENGTH: Final = 8_192
"""Longer, since servers redirect to signed URLs with tokens."""

_PATTERN: Final = re.compile(r"https?://(?P<authority>[^/?#]*)", re.IGNORECASE)
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\\ud800-\udfff]")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


_AUTHORITY: Final = re.compile(rb"((?:[a-z][a-z0-9+.-]*:)?//)([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


def parse_image_url(text: str, max_length: int = MAX_LENGTH) -> httpx.URL:
    """Parse an absolute http(s) URL; the host becomes ASCII without a trailing dot, the fragment is removed.

    :raises BadUrl: the URL is malformed, too long, not http(s), has credentials, or is ambiguous between parsers.
    """
    text = text.strip()
    if len(text) > max_length:
        raise BadUrl(f"The URL has {len(text):,} characters; {max_length:,} are allowed.")
    match = _PATTERN.match(text)
    if match is None and text[:5].lower() == "data:":
        raise BadUrl("A data: URL is no address; send it as “image_base64”.")
    if match is None:
        raise BadUrl("The URL must begin with http:// or https://.")
    if _UNSAFE.search(text):
        raise BadUrl("The URL must not contain spaces, control characters or backslashes.")
    if "@" in match["authority"]:
        raise BadUrl("The URL must not contain a user name or password.")
    try:
        url = _parse(text, match["authority"])
        host = _host(url.raw_host.decode("ascii").lower())
        return url.copy_with(host=host, port=_port(url), fragment=None)
    except (httpx.InvalidURL, ValueError) as error:
        raise BadUrl("The URL is malformed.") from error


def redirect_target(url: httpx.URL, location: bytes) -> httpx.URL:
    """The URL that ``url`` redirects to, resolved like by browsers.

    Bytes that are not ASCII, and spaces, are percent-encoded as they are. A backslash counts as a slash.

    :raises BadUrl: as :func:`parse_image_url`.
    """
    path, mark, query = _split_query(location.strip(b" \t").replace(b"\t", b""))
    path = path.replace(b"\\", b"/")
    host = ""
    if absolute := _AUTHORITY.fullmatch(path):
        scheme, authority, path = absolute.groups()
        if not authority:
            raise BadUrl("The URL has no valid host name.")
        host = scheme.decode("ascii") + _decoded(authority)
    text = f"{host}{_percent_encoded(path)}{mark}{_percent_encoded(query)}"
    try:
        return parse_image_url(urljoin(str(url), text), _MAX_REDIRECT_LENGTH)
    except ValueError as error:
        raise BadUrl("The URL is malformed.") from error


def _split_query(location: bytes) -> tuple[bytes, str, bytes]:
    location = location.partition(b"#")[0]
    path, mark, query = location.partition(b"?")
    return path, mark.decode("ascii"), query


def _decoded(authority: bytes) -> str:
    try:
        return authority.decode()
    except UnicodeDecodeError:
        return authority.decode("latin-1")


def _percent_encoded(part: bytes) -> str:
    return "".join(chr(byte) if 0x20 < byte < 0x7F and byte != ord("\\") else f"%{byte:02X}" for byte in part)


def _parse(text: str, authority: str) -> httpx.URL:
    """Accepts all host names that browsers do. Raises InvalidURL, or BadUrl."""
    try:
        return httpx.URL(text)
    except httpx.InvalidURL:
        if authority.isascii():
            raise
    name, colon, port = authority.partition(":")
    try:
        encoded = idna.encode(name, uts46=True)
    except idna.IDNAError:
        encoded = name.encode("idna")  # of 2003, which allows symbols
    if encoded.decode("ascii").strip(".").rpartition(".")[2].isdecimal():
        raise BadUrl("An IPv4 address in a URL must be four decimal numbers, like 192.0.2.1.")
    return httpx.URL(text.replace(authority, f"{encoded.decode('ascii')}{colon}{port}", 1))


def host_name(url: httpx.URL) -> str:
    """The host in ASCII; httpx's own property cannot show all international names."""
    return url.raw_host.decode("ascii")


def host_of(text: str) -> str:
    """The host of a URL, for logs, because path and query may be secret; empty if the URL is invalid."""
    try:
        return host_name(parse_image_url(text))
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
