import asyncio
import time

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from serve_app.database.redis_client import RedisClient
from serve_app.errors import RateLimited
from serve_app.rate_limit.allowance import AllowanceStore
from serve_app.rate_limit.limiter import RateLimiter, address_client, allowances_of, open_allowance_store
from serve_app.rate_limit.memory import MemoryAllowanceStore
from serve_app.rate_limit.rate import Rate, parse_rates
from serve_app.rate_limit.redis import RedisAllowanceStore
from serve_app.settings import Settings
from tests.servers.redis import Redis


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Limiter:
    """Some rates, for any client."""

    def __init__(self, rates: tuple[Rate, ...], buckets: AllowanceStore) -> None:
        self._rates = rates
        self._limiter = RateLimiter(buckets)

    async def take(self, client: str, images: int = 1) -> None:
        await self._limiter.take(allowances_of(client, self._rates), images)


def limiter(text: str, clock: Clock) -> Limiter:
    return Limiter(parse_rates(text), MemoryAllowanceStore(clock))


async def admitted(limits: Limiter, client: str, attempts: int) -> int:
    count = 0
    for _ in range(attempts):
        try:
            await limits.take(client)
            count += 1
        except RateLimited:
            pass
    return count


@pytest.mark.parametrize("text", ["6/second", "7/minute", "600/minute", "1/day"])
async def test_exactly_the_limit_may_come_at_once(text, clock):
    (rate,) = parse_rates(text)
    assert await admitted(limiter(text, clock), "a", rate.images + 5) == rate.images


async def test_retry_after_is_when_it_works_again(clock):
    limits = limiter("2/minute", clock)
    await limits.take("a", images=2)
    clock.now += 10
    with pytest.raises(RateLimited) as caught:
        await limits.take("a")
    assert caught.value.retry_after == 20
    clock.now += 19
    with pytest.raises(RateLimited):
        await limits.take("a")
    clock.now += 1
    await limits.take("a")


async def test_what_is_refused_costs_nothing(clock):
    limits = limiter("10/minute", clock)
    await limits.take("a", images=8)
    with pytest.raises(RateLimited):
        await limits.take("a", images=3)
    await limits.take("a", images=2)


async def test_more_at_once_than_ever_allowed_is_said_so(clock):
    with pytest.raises(RateLimited, match="send fewer"):
        await limiter("10/minute", clock).take("a", images=11)


async def test_clients_do_not_pay_for_each_other(clock):
    limits = limiter("1/day", clock)
    await limits.take("a")
    await limits.take("b")
    with pytest.raises(RateLimited):
        await limits.take("a")


async def test_of_several_rates_all_hold_and_a_refusal_takes_from_none(clock):
    limits = limiter("2/second, 5/minute", clock)
    assert await admitted(limits, "a", 5) == 2
    for _ in range(3):
        clock.now += 1
        await limits.take("a")
    with pytest.raises(RateLimited, match="5/minute") as caught:
        await limits.take("a")
    assert caught.value.retry_after == 9, (
        "an image of the five is back after twelve seconds, of which three have passed"
    )
    clock.now += 9
    await limits.take("a")


async def test_a_request_may_need_the_allowances_of_two(clock):
    limits = RateLimiter(MemoryAllowanceStore(clock))
    user, key = allowances_of("user", parse_rates("3/hour")), allowances_of("key", parse_rates("2/hour"))
    await limits.take(user + key, 2)
    with pytest.raises(RateLimited, match="2/hour"):
        await limits.take(user + key)
    await limits.take(user)
    with pytest.raises(RateLimited, match="3/hour"):
        await limits.take(user)


async def test_off_is_off():
    assert await admitted(Limiter((), MemoryAllowanceStore()), "a", 1000) == 1000


async def test_memory_is_bounded(clock):
    buckets = MemoryAllowanceStore(clock, max_allowances=10)
    limits = Limiter((Rate(1, 60),), buckets)
    for number in range(100):
        await limits.take(str(number))
    assert len(buckets) == 10
    with pytest.raises(RateLimited):
        await limits.take("99")


@given(
    st.integers(1, 50), st.sampled_from([1, 60]), st.lists(st.tuples(st.floats(0, 3), st.integers(1, 5)), max_size=100)
)
def test_no_stretch_of_time_sees_more_than_one_burst_and_its_share(images, period, requests):
    clock = Clock()
    limits = Limiter((Rate(images, period),), MemoryAllowanceStore(clock))

    async def run() -> list[tuple[float, int]]:
        taken = []
        for pause, count in requests:
            clock.now += pause
            try:
                await limits.take("a", count)
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


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.7", "address:192.0.2.7"),
        ("::ffff:192.0.2.7", "address:192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "address:2001:db8:1:2::/64"),
        ("fe80::1%eth0", "address:fe80::/64"),
        ("testclient", "address:testclient"),
        ("", "address:"),
    ],
)
def test_clients_by_address(host, client):
    assert address_client(host) == client


@pytest.fixture
async def replicas(redis_url: str):
    buckets = [
        RedisAllowanceStore(RedisClient(redis_url, "test", timeout_s=5, cooldown_s=0.2), MemoryAllowanceStore())
        for _ in range(3)
    ]
    yield [Limiter((Rate(6, 3600),), each) for each in buckets]
    for each in buckets:
        await each.close()


async def test_the_limit_holds_across_replicas(replicas):
    counts = await asyncio.gather(*(admitted(replica, "a", 10) for replica in replicas))
    assert sum(counts) == 6


async def test_redis_tells_when_it_works_again(replicas):
    await replicas[0].take("a", images=6)
    with pytest.raises(RateLimited) as caught:
        await replicas[1].take("a")
    assert caught.value.retry_after == 600


async def test_redis_gives_back_with_time(redis_url):
    buckets = RedisAllowanceStore(RedisClient(redis_url, "test", timeout_s=5), MemoryAllowanceStore())
    limits = Limiter((Rate(2, 1),), buckets)
    began, got = time.monotonic(), 0
    while got < 4:
        got += await admitted(limits, "a", 1)
        await asyncio.sleep(0.01)
    assert 0.99 < time.monotonic() - began < 30, "two at once, and one each half second"
    await buckets.close()


async def test_in_redis_too_a_refusal_takes_from_no_rate(redis_url):
    buckets = RedisAllowanceStore(RedisClient(redis_url, "test", timeout_s=5), MemoryAllowanceStore())
    limits = RateLimiter(buckets)
    narrow, wide = allowances_of("a", parse_rates("1/day")), allowances_of("a", parse_rates("3/day"))
    await limits.take(wide + narrow)
    for order in (wide + narrow, narrow + wide):
        with pytest.raises(RateLimited, match="1/day"):
            await limits.take(order)
    await limits.take(wide, 2)
    with pytest.raises(RateLimited, match="3/day"):
        await limits.take(wide)
    await buckets.close()


async def test_no_name_or_address_is_written_down_nor_kept_for_good(replicas, redis_url):
    await replicas[0].take("address:192.0.2.7")
    with redis.Redis.from_url(redis_url) as client:
        [name] = client.keys()
        assert 0 < client.pttl(name) <= 3_600_000
    assert name.startswith(b"raylens:rate:")
    assert b"192" not in name


async def test_without_redis_each_replica_counts_for_itself(replicas, redis_server: Redis):
    redis_server.stop()
    try:
        assert [await admitted(replica, "a", 10) for replica in replicas] == [6, 6, 6]
    finally:
        redis_server.start()
    redis_server.clear()
    await asyncio.sleep(0.25)
    counts = await asyncio.gather(*(admitted(replica, "b", 10) for replica in replicas))
    assert sum(counts) == 6


async def test_settings_choose_where_to_count(redis_url):
    assert isinstance(open_allowance_store(Settings(redis_url="")), MemoryAllowanceStore)
    assert isinstance(open_allowance_store(Settings(redis_url=redis_url)), RedisAllowanceStore)
