import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from serve_app.cache.embedded import EmbeddedCache
from serve_app.cache.lru import TtlLru
from tests.cache.cached_results import result, same
from tests.clock import MovableClock

MIB = 2**20


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(100.0)


async def test_a_stored_result_is_returned(clock):
    cache = EmbeddedCache(MIB, ttl_s=3600, clock=clock)
    await cache.put("a", result())
    assert same(await cache.get("a"), result())
    assert await cache.get("b") is None


async def test_entries_expire(clock):
    cache = EmbeddedCache(MIB, ttl_s=3600, clock=clock)
    await cache.put("a", result())
    await cache.remember_url("http://example.org/a", "0" * 64)
    clock.now += 3599
    assert await cache.get("a") is not None
    assert await cache.sha256_of("http://example.org/a") == "0" * 64
    clock.now += 1
    assert await cache.get("a") is None
    assert await cache.sha256_of("http://example.org/a") is None
    assert cache.size == 0


async def test_put_replaces_the_value_and_renews_its_lifetime(clock):
    cache = EmbeddedCache(MIB, ttl_s=3600, clock=clock)
    await cache.put("a", result(1))
    size = cache.size
    clock.now += 3000
    await cache.put("a", result(2))
    clock.now += 3000
    assert same(await cache.get("a"), result(2))
    assert cache.size == size


async def test_the_memory_limit_holds_and_matches_real_memory(clock):
    capacity = 4 * MIB
    cache = EmbeddedCache(capacity, ttl_s=3600, clock=clock)
    tracemalloc.start()
    try:
        for number in range(2000):
            await cache.put(f"result:{number:064x}", result(number))
            await cache.remember_url(f"http://example.org/{number}", f"{number:064x}")
            assert cache.size <= capacity
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    for number in range(20_000):
        await cache.remember_url(f"http://example.org/{number}", f"{number:064x}")
    assert cache.size > 0.9 * capacity
    assert held < 1.1 * capacity
    assert await cache.get(f"result:{1999:064x}") is not None  # many URLs push no result out


async def test_a_stored_row_does_not_keep_its_batch_alive():
    batch = np.zeros((64, 1000), np.float32)
    one = result()
    cache = EmbeddedCache(MIB, ttl_s=3600)
    await cache.put("a", replace(one, probabilities=batch[3]))
    batch[:] = 1
    kept = await cache.get("a")
    assert kept is not None
    assert kept.probabilities.base is None
    assert not kept.probabilities.any()
    with pytest.raises(ValueError, match="read-only"):
        kept.probabilities[0] = 1


def test_the_least_recently_used_entry_is_evicted_first(clock):
    lru = TtlLru[int](capacity=30, ttl_s=10, clock=clock)
    for key in "abc":
        lru.put(key, 1, size=10)
    lru.get("a")
    lru.put("d", 1, size=10)
    assert [key for key in "abcd" if lru.get(key)] == ["a", "c", "d"]


def test_a_value_larger_than_the_capacity_is_not_stored(clock):
    lru = TtlLru[int](capacity=30, ttl_s=10, clock=clock)
    lru.put("a", 1, size=10)
    lru.put("b", 1, size=31)
    assert (lru.get("a"), lru.get("b"), lru.size) == (1, None, 10)
