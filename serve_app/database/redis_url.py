"""URLs of Redis servers."""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_FORM: Final = "write redis://USER:PASSWORD@HOST:6379/0, rediss://… with TLS, or unix:///path/of/redis.sock?db=0"
_ENCODING: Final = "in user and password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25"
_NUMBER: Final = re.compile(r"[0-9]{1,6}")
_OPTIONS: Final = frozenset({"db", "username", "password", "client_name", "protocol"})
_TLS_OPTIONS: Final = frozenset(
    {"ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"}
)


def check_redis_url(url: str) -> str:
    """The URL without surrounding white space, or empty. Raises ValueError without quoting it, as it may be secret."""
    url = url.strip()
    if not url:
        return url
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"the Redis URL is malformed; {_FORM}; {_ENCODING}") from None
    if parts.scheme not in {"redis", "rediss", "unix"} or "://" not in url:
        raise ValueError(f"a Redis URL starts with redis://, rediss:// or unix://; {_FORM}")
    if parts.fragment or "@" in parts.path or port == 0:
        raise ValueError(f"the Redis URL is malformed; {_FORM}; {_ENCODING}")
    if parts.scheme == "unix":
        if len(parts.path) < 2:
            raise ValueError(f"the Redis URL names no socket; {_FORM}")
    elif parts.path.strip("/") and not _NUMBER.fullmatch(parts.path.strip("/")):
        raise ValueError(f"the number of the database in the Redis URL is not a number; {_FORM}")
    _check_options(dict(parse_qsl(parts.query, keep_blank_values=True)), parts.scheme)
    return url


def _check_options(options: dict[str, str], scheme: str) -> None:
    known = _OPTIONS | _TLS_OPTIONS if scheme == "rediss" else _OPTIONS
    if not options.keys() <= known:
        raise ValueError(f"an option in the Redis URL is unknown, known are {', '.join(sorted(known))}; {_ENCODING}")
    for name in ("db", "protocol"):
        if name in options and not _NUMBER.fullmatch(options[name]):
            raise ValueError(f"{name} in the Redis URL is not a number")
