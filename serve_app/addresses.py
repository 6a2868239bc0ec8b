"""Addresses in settings: of the service and of a forward proxy. Each check returns the value to use."""

from urllib.parse import urlsplit

from serve_app.host_patterns import ascii_host


def check_public_url(value: str) -> str:
    """A URL without path, in ASCII and without a slash at the end, or empty. Raises ValueError."""
    if not value:
        return value
    parts = urlsplit(value)
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0 or extra:
        raise ValueError("write the address that users open, like https://raylens.example.org, without a path")
    host = ascii_host(parts.hostname)
    port = "" if parts.port is None else f":{parts.port}"
    return value.rstrip("/") if value.isascii() else f"{parts.scheme}://{host}{port}"  # what browsers send


def check_listen_address(value: str) -> str:
    """A name or address, without brackets; ``*`` is 0.0.0.0. Raises ValueError."""
    if not value.isprintable() or any(letter.isspace() for letter in value):
        raise ValueError("an address has no spaces or control characters")
    return "0.0.0.0" if value == "*" else value.removeprefix("[").removesuffix("]")  # noqa: S104 - as requested


def check_proxy_url(value: str) -> str:
    """An http or https URL without path, or empty. Raises ValueError."""
    try:
        parts = urlsplit(value)
        is_proxy = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_proxy = False
    if value and (not is_proxy or parts.path.strip("/") or parts.query or parts.fragment):
        raise ValueError("write the address of an HTTP proxy, like http://proxy.example.org:3128")
    return value
