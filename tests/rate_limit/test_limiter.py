import asyncio
import time

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from serve_app.database.redis_client import RedisClient
from serve_app.errors import RateLimited
from serve_app.rate_limit.allowance import AllowanceStore
from serve_app.rate_limit.limiter import RateLimiter, allowances_of, open_allowance_store
from serve_app.rate_limit.memory import MemoryAllowanceStore
from serve_app.rate_limit.rate import Rate, parse_rates
from serve_app.rate_limit.redis import RedisAllowanceStore
from serve_app.settings import Settings
from tests.clock import MovableClock
from tests.servers.redis import Redis


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(100.0)


class Limiter:
    """Some rates, for any client."""

    def __init__(self, rates: tuple[Rate, ...], store: AllowanceStore) -> None:
        self._rates = rates
        self._limiter = RateLimiter(store)

    async def consume(self, client: str, images: int = 1) -> None:
        await self._limiter.consume(allowances_of(client, self._rates), images)


def limiter(text: str, clock: MovableClock) -> Limiter:
    return Limiter(parse_rates(text), MemoryAllowanceStore(clock))


async def admitted(limits: Limiter, client: str, attempts: int) -> int:
    count = 0
    for _ in range(attempts):
        try:
            await limits.consume(client)
            count += 1
        except RateLimited:
            pass
    return count


@pytest.mark.parametrize("text", ["6/second", "7/minute", "600/minute", "1/day"])
async def test_a_burst_of_exactly_the_limit_is_admitted(text, clock):
    (rate,) = parse_rates(text)
    assert await admitted(limiter(text, clock), "a", rate.images + 5) == rate.images


async def test_retry_after_is_the_time_until_the_next_image(clock):
    limits = limiter("2/minute", clock)
    await limits.consume("a", images=2)
    clock.now += 10
    with pytest.raises(RateLimited) as caught:
        await limits.consume("a")
    assert caught.value.retry_after == 20
    clock.now += 19
    with pytest.raises(RateLimited):
        await limits.consume("a")
    clock.now += 1
    await limits.consume("a")


async def test_a_rejected_request_consumes_nothing(clock):
    limits = limiter("10/minute", clock)
    await limits.consume("a", images=8)
    with pytest.raises(RateLimited):
        await limits.consume("a", images=3)
    await limits.consume("a", images=2)


async def test_a_request_larger_than_the_limit_gets_its_own_message(clock):
    with pytest.raises(RateLimited, match="send fewer"):
        await limiter("10/minute", clock).consume("a", images=11)


async def test_clients_have_separate_allowances(clock):
    limits = limiter("1/day", clock)
    await limits.consume("a")
    await limits.consume("b")
    with pytest.raises(RateLimited):
        await limits.consume("a")


async def test_all_rates_apply_and_a_rejection_consumes_from_none(clock):
    limits = limiter("2/second, 5/minute", clock)
    assert await admitted(limits, "a", 5) == 2
    for _ in range(3):
        clock.now += 1
        await limits.consume("a")
    with pytest.raises(RateLimited, match="5/minute") as caught:
        await limits.consume("a")
    assert caught.value.retry_after == 9, (
        "an image of the five is back after twelve seconds, of which three have passed"
    )
    clock.now += 9
    await limits.consume("a")


async def test_a_request_may_consume_from_two_clients(clock):
    limits = RateLimiter(MemoryAllowanceStore(clock))
    user, key = allowances_of("user", parse_rates("3/hour")), allowances_of("key", parse_rates("2/hour"))
    await limits.consume(user + key, 2)
    with pytest.raises(RateLimited, match="2/hour"):
        await limits.consume(user + key)
    await limits.consume(user)
    with pytest.raises(RateLimited, match="3/hour"):
        await limits.consume(user)


async def test_off_means_no_limit():
    assert await admitted(Limiter((), MemoryAllowanceStore()), "a", 1000) == 1000


async def test_memory_is_bounded(clock):
    store = MemoryAllowanceStore(clock, max_allowances=10)
    limits = Limiter((Rate(1, 60),), store)
    for number in range(100):
        await limits.consume(str(number))
    assert len(store) == 10
    with pytest.raises(RateLimited):
        await limits.consume("99")


@given(
    st.integers(1, 50), st.sampled_from([1, 60]), st.lists(st.tuples(st.floats(0, 3), st.integers(1, 5)), max_size=100)
)
def test_no_interval_admits_more_than_a_burst_and_its_rate(images, period, requests):
    clock = MovableClock()
    limits = Limiter((Rate(images, period),), MemoryAllowanceStore(clock))

    async def run() -> list[tuple[float, int]]:
        taken = []
        for pause, count in requests:
            clock.now += pause
            try:
                await limits.consume("a", count)
                taken.append((clock.now, count))
            except RateLimited as error:
                waits.append(error.retry_after or 0)
        return taken

    waits: list[float] = []
    taken = asyncio.run(run())
    assert all(0 < wait <= period for wait in waits)
    for start, _ in taken:
        for end, _ in taken:
            inside = sum(count for moment, count in taken if start <= moment <= end)
            assert end < start or inside <= images * (1 + (end - start) / period) + 1e-3


@pytest.fixture
async def replicas(redis_url: str):
    store = [
        RedisAllowanceStore(RedisClient(redis_url, "test", timeout_s=5, cooldown_s=0.2), MemoryAllowanceStore())
        for _ in range(3)
    ]
    yield [Limiter((Rate(6, 3600),), each) for each in store]
    for each in store:
        await each.close()


async def test_the_limit_applies_across_replicas(replicas):
    counts = await asyncio.gather(*(admitted(replica, "a", 10) for replica in replicas))
    assert sum(counts) == 6


async def test_redis_returns_the_time_to_wait(replicas):
    await replicas[0].consume("a", images=6)
    with pytest.raises(RateLimited) as caught:
        await replicas[1].consume("a")
    assert caught.value.retry_after == 600


async def test_redis_refills_allowances_over_time(redis_url):
    store = RedisAllowanceStore(RedisClient(redis_url, "test", timeout_s=5), MemoryAllowanceStore())
    limits = Limiter((Rate(2, 1),), store)
    began, got = time.monotonic(), 0
    while got < 4:
        got += await admitted(limits, "a", 1)
        await asyncio.sleep(0.01)
    assert 0.99 < time.monotonic() - began < 30, "a burst of two, then one per half second"
    await store.close()


async def test_a_rejection_in_redis_consumes_from_no_rate(redis_url):
    store = RedisAllowanceStore(RedisClient(redis_url, "test", timeout_s=5), MemoryAllowanceStore())
    limits = RateLimiter(store)
    narrow, wide = allowances_of("a", parse_rates("1/day")), allowances_of("a", parse_rates("3/day"))
    await limits.consume(wide + narrow)
    for order in (wide + narrow, narrow + wide):
        with pytest.raises(RateLimited, match="1/day"):
            await limits.consume(order)
    await limits.consume(wide, 2)
    with pytest.raises(RateLimited, match="3/day"):
        await limits.consume(wide)
    await store.close()


async def test_redis_keys_are_hashed_and_expire(replicas, redis_url):
    await replicas[0].consume("address:192.0.2.7")
    with redis.Redis.from_url(redis_url) as client:
        [name] = client.keys()
        assert 0 < client.pttl(name) <= 3_600_000
    assert name.startswith(b"raylens:rate:")
    assert b"192" not in name


async def test_without_redis_each_replica_counts_on_its_own(replicas, redis_server: Redis):
    redis_server.stop()
    try:
        assert [await admitted(replica, "a", 10) for replica in replicas] == [6, 6, 6]
    finally:
        redis_server.start()
    redis_server.clear()
    await asyncio.sleep(0.25)
    counts = await asyncio.gather(*(admitted(replica, "b", 10) for replica in replicas))
    assert sum(counts) == 6


async def test_the_settings_select_the_store(redis_url):
    assert isinstance(open_allowance_store(Settings(redis_url="")), MemoryAllowanceStore)
    assert isinstance(open_allowance_store(Settings(redis_url=redis_url)), RedisAllowanceStore)
