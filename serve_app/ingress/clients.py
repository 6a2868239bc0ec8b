"""Client addresses of requests. Nothing else reads them: neither the peer of a connection nor forwarding headers."""

from functools import lru_cache
from typing import Final

from starlette.types import Scope

from auth.client_address import ClientAddress
from serve_app.proxy_token import ProxyTokens

_SCOPE_CLIENT: Final = "raylens.client_address"
_HEADER: Final = b"x-forwarded-for"
_MAX_LENGTH: Final = 4096
"""Only the end of the header is read: the trusted proxies' entries."""


class ClientAddresses:
    """Finds the client behind the trusted proxies.

    Each proxy appends the address of its peer to ``X-Forwarded-For``, as another element or as another line. Only the
    last ``hops`` elements come from trusted proxies; the first of them is the client. Whatever precedes them is
    written by the client, as is the header ``Forwarded`` (RFC 7239), which HAProxy does not write and which is ignored.
    """

    def __init__(self, hops: int, tokens: ProxyTokens | None = None) -> None:
        """``hops``: trusted proxies, including HAProxy if it is in front; 0: the peer of the connection.

        ``tokens``: of HAProxy. A request without one has not passed it, so the header is not that of a proxy.
        """
        self._hops = hops
        self._tokens = tokens

    def of(self, scope: Scope) -> ClientAddress:
        """The address of the client; also stored in the scope. An invalid one counts as that of the next proxy."""
        known: ClientAddress | None = scope.get(_SCOPE_CLIENT)
        if known is None:
            known = scope[_SCOPE_CLIENT] = self._forwarded(scope) or _of_peer(scope)
        return known

    def _forwarded(self, scope: Scope) -> ClientAddress | None:
        if not self._hops or (self._tokens and not self._tokens.accept(scope["headers"])):
            return None
        for element in _elements(scope)[-self._hops :]:
            if (address := _parse(element)) is not None:
                return address
        return None


def _elements(scope: Scope) -> list[str]:
    joined = b",".join(value for name, value in scope["headers"] if name == _HEADER).decode("latin-1")
    elements = joined[-_MAX_LENGTH:].split(",")
    return [element for part in elements[len(joined) > _MAX_LENGTH :] if (element := part.strip(" \t"))]


def _of_peer(scope: Scope) -> ClientAddress:
    client = scope.get("client")
    return _parse_peer(client[0] if client else "unknown")


_parse = lru_cache(maxsize=4096)(ClientAddress.parse)
_parse_peer = lru_cache(maxsize=4096)(ClientAddress.of_peer)
