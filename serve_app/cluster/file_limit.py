"""The limit of open files of this process and those that it starts, and the connections that it allows."""

import resource
from typing import Final

from serve_app.cluster.haproxy_config import MAX_PIPES, RESERVE

MAX_CONNECTIONS: Final = 16_384
"""Connections of clients that HAProxy accepts at the same time, if the limit allows it."""
FEW_CONNECTIONS: Final = 4096
"""With fewer, ``raylens serve`` says so."""
MIN_OPEN_FILES: Final = 1024
_ENOUGH: Final = 65_536
_OTHER_FILES: Final = 100
"""Most open files of HAProxy or an ingress replica besides its connections."""


class TooFewFiles(RuntimeError):
    """The limit of open files is too low; the message is one line."""


def raise_file_limit() -> int:
    """Raise the soft limit of open files as far as allowed, and return it. Raises TooFewFiles."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(_finite(soft), min(_finite(hard), _ENOUGH))
    if _finite(soft) < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    if limit < MIN_OPEN_FILES:
        raise TooFewFiles(
            f"this process may open only {limit:,} files, and Raylens needs {MIN_OPEN_FILES:,}; "
            f"raise the limit, for example with `ulimit -n {4 * MIN_OPEN_FILES}`."
        )
    return limit


def connections(limit: int) -> int:
    """How many connections HAProxy can accept with a limit of open files.

    Each takes two, to the client and to the replica, as do those besides of clients and the pipes.
    """
    return min(MAX_CONNECTIONS, (limit - _OTHER_FILES) // 2 - RESERVE - MAX_PIPES)


def _finite(limit: int) -> int:
    return _ENOUGH if limit == resource.RLIM_INFINITY else limit
