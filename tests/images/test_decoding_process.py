"""The process that decodes expensive images: it can be stopped at any moment, also within a codec."""

import io
import os
import signal
import threading
from collections.abc import Iterator

import numpy as np
import psutil
import pytest
from PIL import Image

from serve_app.errors import CorruptImage, DeadlineExceeded, Unavailable
from serve_app.images.decoding import decode
from serve_app.images.decoding_process import NICENESS, DecodingProcess, Stop
from serve_app.images.sample import sample
from tests.images.pictures import square

LONG_S = 300.0


@pytest.fixture(scope="module")
def slow() -> bytes:
    """64 megapixels: half a second and more of an uninterruptible codec."""
    file = io.BytesIO()
    Image.new("RGB", (8000, 8000)).save(file, "WEBP", lossless=True, method=0)
    return file.getvalue()


@pytest.fixture
def process() -> Iterator[DecodingProcess]:
    process = DecodingProcess()
    yield process
    process.close()


def decode_forever(process: DecodingProcess, data: bytes, stop: Stop) -> None:
    while True:
        process.decode(data, square(), LONG_S, stop)


def child(process: DecodingProcess) -> psutil.Process:
    assert process._process
    return psutil.Process(process._process.pid)


def test_it_decodes_like_a_thread_at_a_low_priority(process: DecodingProcess) -> None:
    for file_format in ("PNG", "JPEG"):
        info, pixels = process.decode(sample(file_format), square(), LONG_S, Stop())
        expected_info, expected = decode(sample(file_format), square())
        assert info == expected_info
        np.testing.assert_array_equal(pixels, expected)
    assert child(process).nice() == min(os.nice(0) + NICENESS, 19)


def test_errors_are_passed_on(process: DecodingProcess) -> None:
    with pytest.raises(CorruptImage, match="The PNG file is damaged"):
        process.decode(sample("PNG")[:80], square(), LONG_S, Stop())


def test_a_timer_ends_it_at_the_deadline(process: DecodingProcess, slow: bytes) -> None:
    process.decode(sample("PNG"), square(), LONG_S, Stop())
    with pytest.raises(DeadlineExceeded):
        process.decode(slow, square(), 0.01, Stop())
    assert process.decode(sample("PNG"), square(), LONG_S, Stop()), "it starts again"


def test_it_can_be_stopped(process: DecodingProcess, slow: bytes) -> None:
    process.decode(sample("PNG"), square(), LONG_S, Stop())
    stop, pid = Stop(), child(process).pid
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(DeadlineExceeded):
        decode_forever(process, slow, stop)
    assert not psutil.pid_exists(pid)


def test_another_death_is_no_matter_of_time(process: DecodingProcess) -> None:
    process.decode(sample("PNG"), square(), LONG_S, Stop())
    pid = child(process).pid
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.05, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(Unavailable):
        process.decode(sample("PNG"), square(), LONG_S, Stop())


def test_it_ends_with_its_parent(process: DecodingProcess) -> None:
    process.decode(sample("PNG"), square(), LONG_S, Stop())
    running = process._process
    assert running
    assert running.stdin
    running.stdin.close()  # as the kernel does
    assert running.wait(LONG_S) == 0
