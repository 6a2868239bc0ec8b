"""Thread pools: hashing never delays database queries, and is bounded."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from unittest.mock import patch

import pytest

from auth.errors import Busy
from auth.hashing_queue import MAX_WAITING_HASHES, HashingShare
from auth.thread_pools import DATABASE_THREADS, ThreadPools

KNOWN = HashingShare("device", is_preferred=True)


async def test_work_runs_on_another_thread():
    pools = ThreadPools()
    for run in (pools.run, partial(pools.run_hashing, KNOWN)):
        assert await run(threading.get_ident) != threading.get_ident()
        assert await run(sorted, [2, 1, 3], reverse=True) == [3, 2, 1]
        with pytest.raises(ValueError, match="invalid literal"):
            await run(int, "x")


async def test_waiting_hashes_do_not_delay_queries_and_are_bounded():
    with patch("os.cpu_count", return_value=1):
        pools = ThreadPools()
    release = threading.Event()
    run = partial(pools.run_hashing, KNOWN)
    hashing = [asyncio.create_task(run(release.wait, 30)) for _ in range(1 + MAX_WAITING_HASHES)]
    try:
        await asyncio.sleep(0)
        with pytest.raises(Busy) as caught:
            await run(int, "1")
        assert caught.value.retry_after
        assert await asyncio.wait_for(pools.run(int, "1"), 5) == 1
    finally:
        release.set()
    assert all(await asyncio.gather(*hashing))
    assert await run(int, "1") == 1


async def test_the_number_of_threads_is_bounded():
    with patch("os.cpu_count", return_value=3):
        pools = ThreadPools()
    assert await concurrency_of(pools.run, DATABASE_THREADS * 3) == DATABASE_THREADS
    shares = (HashingShare(f"browser {number}", is_preferred=number % 2 == 0) for number in range(9))
    assert await concurrency_of(lambda work: pools.run_hashing(next(shares), work), 9) == 3


def test_threads_are_reused_on_a_loop_without_a_main_task():
    """Ray runs the loop of a replica for ever, and each request is a task of its own."""
    loop, pools = asyncio.new_event_loop(), ThreadPools()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        calls = [
            asyncio.run_coroutine_threadsafe(pools.run(threading.current_thread), loop).result(30)
            for _ in range(DATABASE_THREADS * 3)
        ]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert len(set(calls)) <= DATABASE_THREADS


async def concurrency_of(run: Callable[[Callable[[], None]], Awaitable[None]], calls: int) -> int:
    """The largest number of threads that work at the same time."""
    running, lock, peak = 0, threading.Lock(), 0

    def work() -> None:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    await asyncio.gather(*(run(work) for _ in range(calls)))
    return peak
