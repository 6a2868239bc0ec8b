"""Names of the service in settings: ``raylens.example.org``, ``*.example.org`` with all its subdomains, or ``*``."""

from auth.http.host import HostName
from serve_app.name_list import parse_names


def parse_host_patterns(text: str) -> tuple[str, ...]:
    """Patterns separated by commas, in the form of the header ``Host``. Raises ValueError."""
    return tuple(pattern if pattern == "*" else _pattern(pattern) for pattern in parse_names(text))


def ascii_host(name: str) -> str:
    """A host name or an address, without brackets, in the form of the header ``Host``. Raises ValueError."""
    encoded = name if name.isascii() else _idna(name)
    host = HostName.parse(f"[{encoded}]" if ":" in encoded else encoded)
    if host is None:
        raise ValueError(
            f"{name!r} is no host name; write one like raylens.example.org, without http://, port and path"
        )
    return host.name


def _pattern(text: str) -> str:
    if text.startswith("*."):
        return f"*.{ascii_host(text[2:])}"
    return ascii_host(text.removeprefix("[").removesuffix("]"))


def _idna(name: str) -> str:
    import idna  # noqa: PLC0415 - slow, and rarely needed

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""
