import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import redis
from structlog.testing import capture_logs

from serve_app.cache import EmbeddedCache, ResultCache, content_key, open_cache
from serve_app.cache.keys import url_key
from serve_app.cache.redis import RedisCache
from serve_app.database.redis_client import RedisClient
from serve_app.settings import Settings
from tests.cache.cached_results import result, same
from tests.servers.redis import Redis

KEY, OTHER_KEY = (
    content_key(digit * 64, "efficientnet-lite0", "1", runtime="openvino", precision="bf16", preprocessing_version="1")
    for digit in "01"
)
URL = "http://example.org/corey/dog.jpg"
NAME = f"raylens:{KEY}"


@pytest.fixture
async def cache(redis_url: str) -> AsyncIterator[ResultCache]:
    cache = RedisCache(RedisClient(redis_url, "cache", timeout_s=5, cooldown_s=0.2), ttl_s=3600)
    yield cache
    await cache.close()


@pytest.fixture
def other_client(redis_url: str):
    with redis.Redis.from_url(redis_url) as client:
        yield client


async def test_a_hit_returns_the_stored_result(cache, other_client):
    assert await cache.get(KEY) is None
    assert await cache.sha256_of(URL) is None
    await cache.put(KEY, result())
    await cache.remember_url(URL, "ab" * 32)
    assert same(await cache.get(KEY), result())
    assert await cache.sha256_of(URL) == "ab" * 32
    assert other_client.ttl(NAME) in range(3590, 3601)
    assert all(name.startswith(b"raylens:") and b"corey" not in name for name in other_client.scan_iter())


async def test_replicas_share_the_cache(cache, redis_url):
    await cache.put(KEY, result())
    replica = RedisCache(RedisClient(redis_url, "cache"), ttl_s=3600)
    assert same(await replica.get(KEY), result())
    await replica.close()


async def test_entries_expire(redis_url):
    cache = RedisCache(RedisClient(redis_url, "cache"), ttl_s=0.05)
    await cache.put(KEY, result())
    await cache.remember_url(URL, "ab" * 32)
    await asyncio.sleep(0.1)
    assert await cache.get(KEY) is None
    assert await cache.sha256_of(URL) is None
    await cache.close()


@pytest.mark.parametrize("rubbish", [b"", b"hello", b"RL\x01\x00" + bytes(40), b"\x80\x04N."])
async def test_invalid_data_is_a_miss_and_can_be_overwritten(cache, other_client, rubbish):
    other_client.set(NAME, rubbish)
    other_client.set(f"raylens:{url_key(URL)}", rubbish)
    assert await cache.get(KEY) is None
    assert await cache.sha256_of(URL) is None
    await cache.put(KEY, result())
    await cache.remember_url(URL, "ab" * 32)
    assert same(await cache.get(KEY), result())
    assert await cache.sha256_of(URL) == "ab" * 32


async def test_an_entry_under_another_key_is_a_miss(cache, other_client):
    await cache.put(KEY, result())
    other_client.rename(NAME, f"raylens:{OTHER_KEY}")
    assert await cache.get(OTHER_KEY) is None


async def test_a_value_of_another_type_is_a_miss_not_an_outage(cache, other_client):
    other_client.lpush(NAME, "x")
    assert await cache.get(KEY) is None
    assert cache.state() == "ok"
    await cache.put(KEY, result())
    assert same(await cache.get(KEY), result())


async def test_a_full_redis_still_serves_hits(cache, other_client):
    await cache.put(KEY, result())
    other_client.config_set("maxmemory", "1")
    try:
        with capture_logs() as logs:
            await cache.put("result:new", result())
            await cache.put("result:new", result())
        assert same(await cache.get(KEY), result())
    finally:
        other_client.config_set("maxmemory", "0")
    assert [entry["event"] for entry in logs] == ["redis_command_rejected"]


async def test_an_outage_causes_misses_and_recovers(cache, redis_server: Redis):
    await cache.put(KEY, result())
    with capture_logs() as logs:
        redis_server.stop()
        try:
            for _ in range(3):
                assert await cache.get(KEY) is None
                await cache.put(KEY, result(7))
                await cache.remember_url(URL, "ab" * 32)
                assert cache.state() == "degraded"
                await asyncio.sleep(0.25)
        finally:
            redis_server.start()
        await asyncio.sleep(0.25)
        assert same(await cache.get(KEY), result())
    assert cache.state() == "ok"
    assert [entry["event"] for entry in logs] == ["redis_unavailable", "redis_recovered"]


async def test_a_hanging_redis_costs_one_timeout_not_one_per_request(cache, redis_url, redis_server: Redis):
    await cache.put(KEY, result())
    limit_s = 0.5
    cancelled_lookup = RedisCache(RedisClient(redis_url, "cache", timeout_s=limit_s, cooldown_s=600), ttl_s=3600)
    redis_server.pause()
    try:
        started = time.monotonic()
        assert await asyncio.gather(*(cancelled_lookup.get(KEY) for _ in range(50))) == [None] * 50
        first = time.monotonic() - started
        assert [await cancelled_lookup.get(KEY) for _ in range(50)] == [None] * 50
        rest = time.monotonic() - started - first
    finally:
        redis_server.resume()
    assert 0.9 * limit_s < first < 25 * limit_s
    assert rest < 25 * limit_s
    await cancelled_lookup.close()


async def test_a_cancelled_lookup_never_leaks_its_reply(cache):
    for number in range(20):
        await cache.put(f"result:{number}", result(number))

    async def cancelled_lookup(number: int) -> None:
        task = asyncio.create_task(cache.get(f"result:{number}"))
        for _ in range(number % 12):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def lookup(number: int) -> None:
        got = await cache.get(f"result:{number}")
        assert got is None or same(got, result(number))

    for _ in range(5):
        await asyncio.gather(*(get(number) for number in range(20) for get in (cancelled_lookup, lookup)))


@pytest.mark.parametrize(("setting", "value"), [("maxmemory", 1), ("min-replicas-to-write", 1)])
async def test_a_redis_that_rejects_writes_is_degraded_until_it_accepts_them(cache, other_client, setting, value):
    await cache.put(KEY, result())
    with capture_logs() as logs:
        other_client.config_set(setting, value)
        try:
            for number in range(5):
                await cache.put(f"result:{number}", result(number))
            assert same(await cache.get(KEY), result())
            assert cache.state() == "degraded"
        finally:
            other_client.config_set(setting, 0)
        await cache.put(KEY, result())
    assert cache.state() == "ok"
    assert [entry["event"] for entry in logs] == ["redis_command_rejected", "redis_command_accepted"]


async def test_an_unreachable_redis_is_degraded():
    cache = RedisCache(RedisClient("redis://127.0.0.1:1/0", "cache"), ttl_s=3600)
    assert await cache.get(KEY) is None
    assert cache.state() == "degraded"
    await cache.close()


def test_the_settings_select_the_cache(redis_url):
    assert isinstance(open_cache(Settings(redis_url="")), EmbeddedCache)
    assert isinstance(open_cache(Settings(redis_url=redis_url)), RedisCache)
    with pytest.raises(ValueError, match="redis"):
        open_cache(Settings(redis_url="http://nowhere"))
