"""Request ids: the client's if it is well-formed, otherwise a new one; used in responses, logs and traces."""

import random
import re
from typing import Final

from starlette.types import Scope

REQUEST_ID_HEADER: Final = b"x-request-id"
_VERSION: Final = 0x4 << 76 | 0b10 << 62
_VERSION_BITS: Final = 0xF << 76 | 0b11 << 62
"""Of a UUID, see RFC 9562."""
_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._:;=+/@-]{1,128}")
"""UUIDs, ULIDs, ids of load balancers; no character that needs escaping in a log, a shell or HTML."""


def new_request_id() -> bytes:
    """A UUIDv4 without a system call: it must be unique, not secret."""
    digits = b"%032x" % (random.getrandbits(128) & ~_VERSION_BITS | _VERSION)
    return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def ensure_request_id(scope: Scope) -> None:
    """Leave exactly one well-formed id in the headers of an ASGI request, where Ray Serve and the routes read it."""
    found = [value for name, value in scope["headers"] if name == REQUEST_ID_HEADER]
    if len(found) == 1 and _WELL_FORMED.fullmatch(found[0]):
        return
    others = [header for header in scope["headers"] if header[0] != REQUEST_ID_HEADER]
    scope["headers"] = [*others, (REQUEST_ID_HEADER, new_request_id())]
