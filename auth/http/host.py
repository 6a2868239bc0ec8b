"""The header ``Host``: the name by which a client addressed the service."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Self

_MAX_LENGTH: Final = 300
"""Characters of a host with its port; a name has 253 at most."""
_HOST: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)(?:%[0-9A-Za-z._-]+)?\]|(?P<name>[0-9A-Za-z._-]+))(?::[0-9]{0,5})?"
)


@dataclass(frozen=True, slots=True)
class HostName:
    """A host name in lower case, without port and without the dot at its end, or the canonical text of an address."""

    name: str
    is_address: bool

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None for what is no ``host`` or ``host:port``, such as text with user names or letters beyond ASCII."""
        match = _HOST.fullmatch(text) if len(text) <= _MAX_LENGTH else None
        if match is None:
            return None
        name = (match["ipv6"] or match["name"].removesuffix(".")).lower()
        try:
            return cls(str(ipaddress.ip_address(name)), is_address=True)
        except ValueError:
            return None if match["ipv6"] or not name else cls(name, is_address=False)
