"""Threads: tokens are looked up however many passwords wait."""

import asyncio
import threading
from typing import Any
from unittest.mock import patch

import pytest

from auth.errors import Busy
from auth.thread_pools import DATABASE_THREADS, MAX_WAITING_HASHES, ThreadPools


async def test_work_is_done_on_another_thread_with_its_arguments_and_errors():
    workers = ThreadPools()
    for run in (workers.run, workers.run_hashing):
        assert await run(threading.get_ident) != threading.get_ident()
        assert await run(sorted, [2, 1, 3], reverse=True) == [3, 2, 1]
        with pytest.raises(ValueError, match="invalid literal"):
            await run(int, "x")


async def test_passwords_keep_nobody_else_waiting_and_too_many_are_sent_away():
    with patch("os.cpu_count", return_value=2):
        workers = ThreadPools()
    go_on = threading.Event()
    hashing = [asyncio.create_task(workers.run_hashing(go_on.wait, 30)) for _ in range(2 + MAX_WAITING_HASHES)]
    try:
        await asyncio.sleep(0.05)
        with pytest.raises(Busy) as caught:
            await workers.run_hashing(int, "1")
        assert caught.value.retry_after
        assert await asyncio.wait_for(workers.run(int, "1"), 5) == 1
    finally:
        go_on.set()
    assert all(await asyncio.gather(*hashing))
    assert await workers.run_hashing(int, "1") == 1


@pytest.mark.parametrize(("run", "most"), [("run", DATABASE_THREADS), ("run_hashing", 3)])
async def test_no_more_threads_than_so_many(run: str, most: int):
    with patch("os.cpu_count", return_value=3):
        workers = ThreadPools()
    at_once, lock, peak = 0, threading.Lock(), [0]
    waits = threading.Event()

    def work() -> None:
        nonlocal at_once
        with lock:
            at_once += 1
            peak[0] = max(peak[0], at_once)
        waits.wait(0.02)
        with lock:
            at_once -= 1

    method: Any = getattr(workers, run)
    await asyncio.gather(*(method(work) for _ in range(most * 3)))
    assert peak == [most]
