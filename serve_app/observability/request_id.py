"""The id of a request: the client's own where it is one, or a new one. It is in the answer, the log and the trace."""

import random
import re
import uuid
from typing import Final

from starlette.types import Scope

HEADER: Final = b"x-request-id"
_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._:;=+/@-]{1,128}")
"""UUIDs, ULIDs, the ids of load balancers. Nothing that a log, a shell or a page would read as more than a word."""


def new_request_id() -> bytes:
    """A UUIDv4 without the system call: it has to be unique, not secret."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4)).encode()


def settle(scope: Scope) -> None:
    """Leave one well-formed id in the headers of an ASGI request, where Ray Serve and the routes take it from."""
    found = [value for name, value in scope["headers"] if name == HEADER]
    if len(found) == 1 and _WELL_FORMED.fullmatch(found[0]):
        return
    others = [header for header in scope["headers"] if header[0] != HEADER]
    scope["headers"] = [*others, (HEADER, new_request_id())]
