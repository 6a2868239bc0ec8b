"""Whatever is sent arrives as it was, however the socket divides it."""

import random
from typing import Any

import numpy as np
import pytest

from serve_app.transport.connection import Connection
from serve_app.transport.kind import Kind
from serve_app.transport.messages import decode_message, encode_message

CONTENTS: list[Any] = [
    None,
    {"small": np.arange(7, dtype=np.float32)},
    bytes(range(256)) * 1000,
    (np.arange(60_000, dtype=np.uint8).reshape(100, 200, 3), np.linspace(0, 1, 40_001, dtype=np.float32), "text"),
    [np.zeros((0, 224, 224, 3), np.uint8)],
    np.arange(100_000).reshape(100, 1000).T[::3],
]


class Recorder(Connection):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[tuple[int, Kind, Any]] = []

    def on_message(self, call: int, kind: Kind, body: memoryview, arrays: int) -> None:
        self.messages.append((call, kind, decode_message(body, arrays)))

    def receive(self, data: bytes, largest: int) -> None:
        """In reads of up to ``largest`` bytes."""
        while data:
            buffer = self.get_buffer(-1)
            count = min(len(buffer), random.randint(1, largest), len(data))
            buffer[:count] = data[:count]
            self.buffer_updated(count)
            data = data[count:]


@pytest.mark.parametrize(("largest", "contents"), [(1, CONTENTS[:2]), (20, CONTENTS[:2] * 5), (70_000, CONTENTS * 2)])
def test_messages_arrive_whole(largest: int, contents: list[Any]) -> None:
    data = b"".join(b"".join(encode_message(7 + number, Kind.CALL, content)) for number, content in enumerate(contents))
    recorder = Recorder()
    recorder.receive(data, largest)
    assert [message[0] for message in recorder.messages] == [*range(7, 7 + len(contents))]
    assert {message[1] for message in recorder.messages} == {Kind.CALL}
    for (_, _, received), content in zip(recorder.messages, contents, strict=True):
        np.testing.assert_equal(received, content)


def test_large_arrays_are_neither_copied_nor_read_only_and_small_ones_keep_no_block() -> None:
    large, small = np.ones(100_000, np.float32), np.ones(1000, np.float32)
    parts = encode_message(1, Kind.RESULT, (large, small))
    assert any(np.shares_memory(np.frombuffer(part, np.uint8), large) for part in parts if len(part) == large.nbytes)
    recorder = Recorder()
    recorder.receive(b"".join(parts), 10_000)
    (received, own) = recorder.messages[0][2]
    received[0] = own[0] = 2
    assert not np.may_share_memory(received, own)
