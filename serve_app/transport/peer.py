"""The user at the other end of a connection, as the kernel knows it."""

import asyncio
import os
import socket
import struct
from typing import Final

_CREDENTIALS: Final = struct.Struct("3i")
"""Process, user and group."""


def is_own_user(transport: asyncio.BaseTransport) -> bool:
    """Whether a process of this user, or root, is at the other end. Messages are pickles, which can run code."""
    option = getattr(socket, "SO_PEERCRED", None)  # only on Linux; elsewhere the folder alone keeps others out
    if option is None:
        return True
    connected: socket.socket = transport.get_extra_info("socket")
    _, user, _ = _CREDENTIALS.unpack(connected.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return user in (0, os.getuid())
