"""Standard input while something else is waited for, too."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def lines_of_stdin(take: Callable[[str], None]) -> Iterator[None]:
    """Hand over each line that is not empty as it comes, on the event loop; nothing where there is no input."""
    loop = asyncio.get_running_loop()
    began = b""

    def read() -> None:
        nonlocal began
        data = os.read(sys.stdin.fileno(), 65_536)  # by hand: what Python's buffer holds, the loop cannot see
        if not data:
            loop.remove_reader(sys.stdin)
        *lines, began = (began + (data or b"\n")).split(b"\n")
        for line in lines:
            if text := line.decode(errors="replace").strip():
                take(text)

    try:
        loop.add_reader(sys.stdin, read)
    except (PermissionError, ValueError):  # a file or /dev/null, where nothing is yet to come; or no input at all
        yield
        return
    try:
        yield
    finally:
        loop.remove_reader(sys.stdin)
