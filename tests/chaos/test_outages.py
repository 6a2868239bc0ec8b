"""Redis and MariaDB fail and recover while the service is under load."""

import asyncio
import signal
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.chaos.client import Connection, Outcome, closed_loop, p99, repeat_until, statuses, summary
from tests.chaos.photos import Photo, crops
from tests.chaos.record_checker import RecordChecker
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
        RAYLENS_SECRET_KEY="a secret key for these tests only",
    )
    service.start()
    yield service
    service.stop()


@pytest.fixture
def outage_records(outage_service: Service, mariadb_url: str) -> Iterator[RecordChecker]:
    checker = RecordChecker(outage_service.folder / "data", mariadb_url)
    yield checker
    checker.close()


def components(service: Service) -> dict[str, str]:
    states: dict[str, str] = httpx.get(f"{service.url}/api/health/ready", timeout=10).json()["parts"]
    return states


def test_a_redis_outage_causes_no_errors(outage_service: Service, outage_records: RecordChecker, redis_server: Redis):
    async def run() -> list[Outcome]:
        done = asyncio.Event()
        photos = repeat_until(done, crops(300))
        load = asyncio.create_task(closed_loop(outage_service.port, photos, CONNECTIONS, query="cache=use"))
        await asyncio.sleep(4)
        redis_server.stop(signal.SIGKILL)
        await asyncio.sleep(6)
        assert (await asyncio.to_thread(components, outage_service))["cache"] == "degraded"
        await asyncio.to_thread(redis_server.start)
        await asyncio.sleep(3)
        done.set()
        return await load

    outcomes = asyncio.run(run())
    print("Redis unavailable for 6 s:", summary(outcomes))
    assert set(statuses(outcomes)) == {201}
    after = asyncio.run(classify_twice(outage_service, crops(1, seed=7)[0]))
    assert [outcome.headers["x-cache"] for outcome in after] == ["miss", "hit"]
    assert components(outage_service)["cache"] == "ok"
    outage_records.check([*outcomes, *after])


async def classify_twice(service: Service, photo: Photo) -> list[Outcome]:
    async with Connection(service.port) as connection:
        return [await connection.post(photo, "cache=use") for _ in range(2)]


def test_no_record_is_lost_in_a_database_outage(
    outage_service: Service, outage_records: RecordChecker, mariadb: MariaDB
):
    spooled = 0

    async def run() -> tuple[list[Outcome], float, float]:
        nonlocal spooled
        done = asyncio.Event()
        photos = repeat_until(done, crops(300, seed=8))
        load = asyncio.create_task(closed_loop(outage_service.port, photos, CONNECTIONS))
        await asyncio.sleep(5)
        down_at = time.monotonic()
        await asyncio.to_thread(mariadb.stop, signal.SIGKILL)
        await asyncio.sleep(OUTAGE_S)
        assert (await asyncio.to_thread(components, outage_service))["database"] == "degraded"
        spooled = len(outage_records.spooled())
        up_at = time.monotonic()
        await asyncio.to_thread(mariadb.start)
        await asyncio.sleep(3)
        done.set()
        return await load, down_at, up_at

    outcomes, down_at, up_at = asyncio.run(run())
    assert set(statuses(outcomes)) == {201}
    before = [outcome for outcome in outcomes if outcome.ended_at < down_at]
    during = [outcome for outcome in outcomes if down_at < outcome.ended_at < up_at]
    print(f"with the database: {summary(before)}\nwithout: {summary(during)}")
    assert p99(during) < p99(before) * 2 + 0.5
    assert spooled > 0, "the database was not unavailable"
    outage_records.wait_until_spool_is_empty()
    outage_records.check(outcomes)
    assert components(outage_service)["database"] == "ok"
