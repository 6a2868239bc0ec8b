"""The messages of a connection: length-prefixed pickles (protocol 5) with their large arrays beside them.

An array is neither copied into the pickle nor out of it: the sender passes its memory to the socket, and the receiver
reads all of a message into one block, in which the arrays remain.
"""

import pickle
import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from serve_app.transport.kind import Kind

HEAD: Final = struct.Struct("<QQBI")
"""Length of the body, number of the call, kind, number of arrays in the body."""
_LENGTHS: Final = "<%dQ"
_ALIGNMENT: Final = 64
"""Of arrays in the body, as NumPy and the runtimes prefer it."""
_PADDING: Final = bytes(_ALIGNMENT)
_LARGE: Final = 16 << 10
"""Smaller arrays are copied into the pickle. Otherwise each would keep the whole block in memory."""

Buffer = bytes | memoryview


def encode_message(call: int, kind: Kind, content: object = None) -> list[Buffer]:
    """The parts of a message, to be sent in order. Raises whatever pickle raises."""
    arrays: list[memoryview] = []

    def is_small(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < _LARGE:
            return True
        arrays.append(view)
        return False

    pickled = pickle.dumps(content, protocol=5, buffer_callback=is_small)
    lengths = struct.pack(_LENGTHS % (len(arrays) + 1), len(pickled), *(view.nbytes for view in arrays))
    parts: list[Buffer] = [lengths, pickled]
    size = len(lengths) + len(pickled)
    for view in arrays:
        parts += [_PADDING[: -size % _ALIGNMENT], view]
        size += -size % _ALIGNMENT + view.nbytes
    return [HEAD.pack(size, call, kind, len(arrays)), *parts]


def new_body(size: int) -> memoryview:
    """Memory for a body, not initialised: zeros would take as long as the copy from the socket."""
    return np.empty(size, np.uint8).data


def decode_message(body: memoryview, arrays: int) -> Any:  # noqa: ANN401 - whatever was sent
    """The content of a message. Raises whatever pickle raises."""
    lengths: Sequence[int] = struct.unpack_from(_LENGTHS % (arrays + 1), body)
    start = 8 * len(lengths)
    pickled = body[start : start + lengths[0]]
    end = start + lengths[0]
    views = []
    for length in lengths[1:]:
        begin = end + -end % _ALIGNMENT
        end = begin + length
        views.append(body[begin:end])
    return pickle.loads(pickled, buffers=views)  # noqa: S301 - of the same user
