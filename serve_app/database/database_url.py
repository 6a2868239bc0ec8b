"""URLs of supported databases: SQLite (embedded), and MySQL or MariaDB."""

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_SQLITE_FORM: Final = "write sqlite:////absolute/path/raylens.db, or sqlite:///relative/path/raylens.db"
_MYSQL_FORM: Final = "write mysql+pymysql://USER:PASSWORD@HOST/NAME"
_ENCODING: Final = "in user, password and name write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25"

_DRIVERS: Final = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "mysql": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mariadb+pymysql": "mariadb+pymysql",
}
"""Schemes, with the driver of each."""

_SQLITE_OPTIONS: Final = frozenset({"timeout"})
_SECONDS: Final = frozenset({"timeout", "connect_timeout", "read_timeout", "write_timeout"})
_SWITCHES: Final = frozenset({"ssl_disabled", "ssl_verify_cert", "ssl_verify_identity", "ssl_check_hostname"})
_FILES: Final = frozenset({"ssl_ca", "ssl_cert", "ssl_key"})
_REPLACED: Final = frozenset({"charset", "collation", "sql_mode", "use_unicode"})
"""Accepted, but without effect: Raylens always uses utf8mb4 and its own SQL mode."""
_MYSQL_OPTIONS: Final = (
    _REPLACED
    | _SWITCHES
    | _FILES
    | {"unix_socket", "connect_timeout", "read_timeout", "write_timeout", "bind_address", "program_name"}
    | {"ssl_capath", "ssl_cipher", "ssl_key_password", "init_command"}
)


def parse_database_url(url: str) -> URL:
    """Parse the URL of a supported database; plain ``mysql://`` means PyMySQL.

    The path of SQLite is absolute in the result. Raises ``ValueError`` without quoting the URL, which may hold a
    password.
    """
    if not url.isprintable():
        raise ValueError("the database URL has control characters, or bytes that are not UTF-8; percent-encode them")
    scheme, separator, rest = url.strip().partition("://")
    scheme = scheme.lower()
    if not separator:
        raise ValueError(f"the database URL is malformed; {_SQLITE_FORM if scheme[:6] == 'sqlite' else _MYSQL_FORM}")
    if scheme not in _DRIVERS:
        known = re.fullmatch(r"[a-z0-9+_.-]{1,30}", scheme)
        raise ValueError(f"{scheme if known else 'the scheme'} is not supported; use sqlite:/// or mysql+pymysql://")
    try:
        parsed = make_url(f"{_DRIVERS[scheme]}://{rest}")
    except (ArgumentError, ValueError):
        raise ValueError(f"the database URL is malformed; {_MYSQL_FORM}; {_ENCODING}") from None
    behind_user = rest if parsed.username is None else rest.partition("@")[2]  # a password may have a question mark
    options = dict(parse_qsl(behind_user.partition("?")[2], keep_blank_values=True))
    return _sqlite(parsed, options) if _DRIVERS[scheme] == "sqlite" else _mysql(parsed, options)


def _sqlite(url: URL, options: dict[str, str]) -> URL:
    if url.host or url.username or url.password or url.port:
        raise ValueError(f"a SQLite URL has three slashes and then the path; {_SQLITE_FORM}")
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ValueError(f"the database URL names no file, and the processes of Raylens must share one; {_SQLITE_FORM}")
    if os.name != "nt" and re.match(r"[A-Za-z]:[\\/]|\\\\", url.database):
        raise ValueError(f"the database URL has a path of Windows, and this is another system; {_SQLITE_FORM}")
    if "\0" in url.database:
        raise ValueError("the path of the database contains NUL")
    _check_options(options, _SQLITE_OPTIONS, "write ? in the path as %3F")
    try:
        path = Path(url.database).expanduser()
    except RuntimeError:
        raise ValueError("the path of the database begins with ~ and an unknown user; write the full path") from None
    return url.set(database=os.path.abspath(path))  # noqa: PTH100 - also removes "..", without following links


def _mysql(url: URL, options: dict[str, str]) -> URL:
    if "@" in (url.host or ""):
        raise ValueError(f"the database URL has an @ too many; {_ENCODING}")
    if not url.database:
        raise ValueError(f"the database URL names no database; {_MYSQL_FORM}; {_ENCODING}")
    if url.port is not None and not 0 < url.port < 65536:
        raise ValueError(f"the port in the database URL is not between 1 and 65535; {_MYSQL_FORM}; {_ENCODING}")
    _check_options(options, _MYSQL_OPTIONS, _ENCODING)
    return url.difference_update_query(_REPLACED)


def _check_options(options: dict[str, str], known: frozenset[str], hint: str) -> None:
    for name, value in options.items():
        if name not in known:
            raise ValueError(
                f"an option in the database URL is unknown, known are {', '.join(sorted(known - _REPLACED))}; {hint}"
            )
        if name in _SECONDS and not re.fullmatch(r"[1-9][0-9]{0,4}", value):
            raise ValueError(f"{name} in the database URL is not a number of seconds, like 5")
        if name in _SWITCHES and value.lower() not in {"true", "false", "1", "0"}:
            raise ValueError(f"{name} in the database URL is neither true nor false")
        if name in _FILES and not Path(value).is_file():
            raise ValueError(f"the file of {name} in the database URL does not exist")
