"""A Ray cluster that runs already, named by ``RAY_ADDRESS``."""

import os
import re
import socket
from typing import Final

from serve_app.cluster.ray_cluster import ClusterFailed

_CONNECT_TIMEOUT_S: Final = 5.0
_ADDRESS: Final = re.compile(r"(?P<host>[^/ ]+):(?P<port>[0-9]{1,5})")


def is_joined() -> bool:
    """Whether an existing cluster is used; ``local`` is Ray's word for a new one."""
    return os.environ.get("RAY_ADDRESS", "") not in {"", "local"}


def check_ray_address() -> None:
    """Find out quickly that nothing listens there; Ray would try for minutes. Raises ClusterFailed."""
    address = os.environ["RAY_ADDRESS"]
    if address == "auto":
        return  # Ray looks for a cluster on this machine
    if not (parts := _ADDRESS.fullmatch(address)):
        raise ClusterFailed(f"RAY_ADDRESS: {address} is not an address; use the form HOST:6379, or unset it.")
    try:
        socket.create_connection((parts["host"].strip("[]"), int(parts["port"])), _CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ClusterFailed(
            f"RAY_ADDRESS: no Ray cluster responds at {address} ({reason}); start it, or unset RAY_ADDRESS."
        ) from None
