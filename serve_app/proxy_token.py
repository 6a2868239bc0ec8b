"""How a replica knows that a request came through Raylens's HAProxy, and not from another user of the machine."""

import hmac
from collections.abc import Sequence
from typing import Final

PROXY_HEADER: Final = "X-Raylens-Proxy"
"""HAProxy sets it to the token, in place of what the client has sent."""


def proxy_token(key: bytes) -> str:
    """The token for a key for signatures, which HAProxy and the replicas have in common."""
    return hmac.digest(key, b"haproxy", "sha256").hex()


class ProxyTokens:
    """Recognizes the tokens of all accepted keys."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._tokens = tuple(proxy_token(key).encode() for key in keys)
        self._header = PROXY_HEADER.lower().encode()

    def accept(self, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Whether a request has one token, which is valid. ``headers``: with lower-case names."""
        found = [value for name, value in headers if name == self._header]
        return len(found) == 1 and any(hmac.compare_digest(found[0], token) for token in self._tokens)
