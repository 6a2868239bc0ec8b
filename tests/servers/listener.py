"""A listening socket for a server in a test."""

import socket


def listener() -> socket.socket:
    """On a free port of 127.0.0.1.

    The protocol is named because asyncio disables Nagle's algorithm only then; with it, each response written in
    two parts takes 40 ms.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    opened.bind(("127.0.0.1", 0))
    opened.listen()
    return opened
