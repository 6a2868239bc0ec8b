"""The kinds of messages. Apart from their encoding, which needs NumPy."""

from enum import IntEnum


class Kind(IntEnum):
    """What a message says about its call."""

    CALL = 0
    CANCEL = 1
    """The caller no longer waits for the reply. There is none."""
    RESULT = 2
    ERROR = 3
    REJECTED = 4
    """The replica is full or about to stop. It has not begun the call."""
