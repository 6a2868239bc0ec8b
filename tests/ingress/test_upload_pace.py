"""How long a body may take."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Message

from serve_app.config import LimitArguments
from serve_app.errors import Overloaded, UploadTimeout
from serve_app.ingress.upload_pace import UploadPace
from tests.clock import MovableClock

KIB = 1024
LIMITS = LimitArguments()


async def upload(parts: Sequence[tuple[float, int]], limits: LimitArguments = LIMITS) -> float:
    """Receive a body of parts, each of which takes some seconds and has some bytes. Returns the seconds."""
    clock = MovableClock()
    started, remaining = clock(), list(parts)

    async def receive() -> Message:
        seconds, size = remaining.pop(0)
        clock.forward(seconds)
        return {"type": "http.request", "body": bytes(size), "more_body": bool(remaining)}

    pace = UploadPace(limits, clock)
    while remaining:
        await pace.receive(receive)
    return clock() - started


@pytest.mark.parametrize(
    "parts",
    [
        [(0.01, 64 * KIB)] * 320,
        [(1.0, 40 * KIB)] * 500,  # 20 MiB at 320 kbit/s
        [(0.5, 64 * KIB)] * 20 + [(15.0, 64 * KIB)] + [(0.5, 64 * KIB)] * 20,  # a tunnel
        [(19.0, 1)],
        [(0.0, 1)] * 1000,
    ],
)
async def test_honest_uploads_pass(parts: list[tuple[float, int]]) -> None:
    assert await upload(parts) == pytest.approx(sum(seconds for seconds, _ in parts), abs=0.1)


@pytest.mark.parametrize(
    "parts",
    [
        [(1.0, 1)] * 60,
        [(0.0, 10 << 20)] + [(1.0, 1)] * 60,  # a fast beginning does not pay for the rest
        [(25.0, 1), (0.0, 1)],
        [(1.0, 3 * KIB)] * 60,
        [(1.0, 64 * KIB)] * 700,
    ],
)
async def test_slow_uploads_are_cancelled(parts: list[tuple[float, int]]) -> None:
    with pytest.raises(UploadTimeout):
        await upload(parts)


async def test_a_pause_may_begin_at_any_time_and_is_never_longer_than_a_window() -> None:
    """What has arrived before it in the same window does not prolong it."""
    clock = MovableClock()
    pace = UploadPace(LIMITS, clock)

    async def receive() -> Message:
        clock.forward(15.0)
        return {"type": "http.request", "body": bytes(1 << 20), "more_body": True}

    async def receive_nothing() -> Message:
        clock.forward(5.0)
        raise TimeoutError

    await pace.receive(receive)
    paused_at = clock()
    with pytest.raises(UploadTimeout):
        await pace.receive(receive_nothing)
    assert clock() - paused_at == LIMITS.upload_window_s


async def test_the_limits_are_in_the_answer() -> None:
    limits = LimitArguments(upload_window_s=10, upload_min_kib_s=2, upload_timeout_s=100)
    with pytest.raises(UploadTimeout, match=r"less than 20 KiB arrived in 10 s"):
        await upload([(11.0, 1)] * 2, limits)
    with pytest.raises(UploadTimeout, match=r"took longer than 100 s"):
        await upload([(1.0, 64 * KIB)] * 200, limits)


async def test_an_upload_can_be_interrupted_while_it_waits_and_between() -> None:
    pace, waiting = UploadPace(LIMITS), asyncio.Event()

    async def receive() -> Message:
        waiting.set()
        await asyncio.Event().wait()
        raise AssertionError

    upload = asyncio.create_task(pace.receive(receive))
    await waiting.wait()
    pace.interrupt(Overloaded("Give way."))
    for attempt in (upload, pace.receive(receive)):
        with pytest.raises(Overloaded, match="Give way"):
            await attempt
