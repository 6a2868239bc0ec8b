"""Redis and MariaDB go away while the service is under load, and come back."""

import asyncio
import signal
import time
from collections.abc import Iterator
from itertools import cycle
from statistics import median, quantiles

import httpx
import pytest

from tests.chaos.books import Books
from tests.chaos.client import Connection, Outcome, closed_loop, statuses
from tests.chaos.photos import Photo, cut
from tests.servers.mariadb import MariaDB
from tests.servers.redis import Redis
from tests.service import Service

pytestmark = pytest.mark.chaos
CONNECTIONS = 32
OUTAGE_S = 30.0


@pytest.fixture(scope="module")
def outage_service(
    tmp_path_factory: pytest.TempPathFactory, mariadb_url: str, redis_server: Redis
) -> Iterator[Service]:
    service = Service(
        tmp_path_factory.mktemp("outages"),
        RAYLENS_DATABASE_URL=mariadb_url,
        RAYLENS_REDIS_URL=redis_server.url,
        RAYLENS_SECRET_KEY="a key of these tests that is long enough",
    )
    service.start()
    yield service
    service.stop()


@pytest.fixture
def outage_books(outage_service: Service, mariadb_url: str) -> Iterator[Books]:
    books = Books(outage_service, mariadb_url)
    yield books
    books.close()


def until(done: asyncio.Event, photos: list[Photo]) -> Iterator[Photo]:
    for photo in cycle(photos):
        if done.is_set():
            return
        yield photo


def parts(service: Service) -> dict[str, str]:
    states: dict[str, str] = httpx.get(f"{service.url}/api/health/ready", timeout=10).json()["parts"]
    return states


def tell(what: str, outcomes: list[Outcome]) -> float:
    """Print and return the 99th percentile of the latency, seconds."""
    seconds = [outcome.seconds for outcome in outcomes]
    p99 = quantiles(seconds, n=100)[98]
    print(
        f"{what}: {statuses(outcomes)}, median {median(seconds):.2f} s, p99 {p99:.2f} s, longest {max(seconds):.2f} s"
    )
    return p99


def test_redis_away_is_slower_never_an_error(outage_service: Service, outage_books: Books, redis_server: Redis):
    async def run() -> list[Outcome]:
        done = asyncio.Event()
        load = asyncio.create_task(
            closed_loop(outage_service.port, until(done, cut(300)), CONNECTIONS, query="cache=use")
        )
        await asyncio.sleep(4)
        redis_server.stop(signal.SIGKILL)
        await asyncio.sleep(6)
        assert (await asyncio.to_thread(parts, outage_service))["cache"] == "degraded"
        await asyncio.to_thread(redis_server.start)
        await asyncio.sleep(3)
        done.set()
        return await load

    outcomes = asyncio.run(run())
    tell("Redis away for 6 s", outcomes)
    assert set(statuses(outcomes)) == {201}
    again = asyncio.run(ask_twice(outage_service, cut(1, seed=7)[0]))
    assert [outcome.headers["x-cache"] for outcome in again] == ["miss", "hit"]
    assert parts(outage_service)["cache"] == "ok"
    outage_books.check([*outcomes, *again])


async def ask_twice(service: Service, photo: Photo) -> list[Outcome]:
    async with Connection(service.port) as connection:
        return [await connection.post(photo, "cache=use") for _ in range(2)]


def test_records_survive_half_a_minute_without_a_database(
    outage_service: Service, outage_books: Books, mariadb: MariaDB
):
    waited = 0

    async def run() -> tuple[list[Outcome], float, float]:
        nonlocal waited
        done = asyncio.Event()
        load = asyncio.create_task(closed_loop(outage_service.port, until(done, cut(300, seed=8)), CONNECTIONS))
        await asyncio.sleep(5)
        down_at = time.monotonic()
        await asyncio.to_thread(mariadb.stop, signal.SIGKILL)
        await asyncio.sleep(OUTAGE_S)
        assert (await asyncio.to_thread(parts, outage_service))["database"] == "degraded"
        waited = len(outage_books.spooled())
        up_at = time.monotonic()
        await asyncio.to_thread(mariadb.start)
        await asyncio.sleep(3)
        done.set()
        return await load, down_at, up_at

    outcomes, down_at, up_at = asyncio.run(run())
    assert set(statuses(outcomes)) == {201}
    before = [outcome for outcome in outcomes if outcome.ended_at < down_at]
    without = [outcome for outcome in outcomes if down_at < outcome.ended_at < up_at]
    usual = tell("with the database", before)
    assert tell("without", without) < usual * 2 + 0.5
    assert waited > 0, "the outage was none"
    outage_books.wait_complete()
    outage_books.check(outcomes)
    assert parts(outage_service)["database"] == "ok"
