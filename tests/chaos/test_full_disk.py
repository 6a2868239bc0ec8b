"""The disks of the data folder and of Ray's temporary files become full under load, and are freed again."""

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve_app.settings import Settings
from tests.chaos.client import Outcome, closed_loop, repeat_until, statuses, summary
from tests.chaos.photos import crops
from tests.chaos.record_checker import RecordChecker
from tests.service import SHARED_DATA, Service
from tests.small_disk import SmallDisk, mounted

pytestmark = pytest.mark.chaos
FOLDER = "50% of what? #1 'Bücher' & more"
OUTAGE_S = 5.0


@pytest.fixture(scope="module")
def data_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    with mounted(tmp_path_factory.mktemp("data") / "disk", mib=48) as disk:
        yield disk


@pytest.fixture(scope="module")
def temporary_disk() -> Iterator[SmallDisk]:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="rl") as folder, mounted(Path(folder) / "t", mib=256) as disk:
        yield disk


@pytest.fixture(scope="module")
def small_service(
    tmp_path_factory: pytest.TempPathFactory, data_disk: SmallDisk, temporary_disk: SmallDisk
) -> Iterator[Service]:
    data = data_disk.folder / FOLDER
    data.mkdir()
    (data / "artifacts").symlink_to(SHARED_DATA / "artifacts")
    service = Service(
        tmp_path_factory.mktemp("service"),
        RAYLENS_DATA_DIR=str(data),
        RAYLENS_LOG_FORMAT="json",
        TMPDIR=str(temporary_disk.folder),
    )
    service.start()
    yield service
    service.stop()


@pytest.fixture
def small_records(small_service: Service, data_disk: SmallDisk) -> Iterator[RecordChecker]:
    data = data_disk.folder / FOLDER
    checker = RecordChecker(data, Settings(_env_file=None, data_dir=data).effective_database_url)
    yield checker
    checker.close()


def health(service: Service) -> dict[str, Any]:
    response = httpx.get(f"{service.url}/api/health/ready", timeout=10)
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def load(service: Service, actions: Callable[[], None]) -> list[Outcome]:
    """The outcomes of a load that lasts as long as ``actions``."""

    async def run() -> list[Outcome]:
        done = asyncio.Event()
        clients = asyncio.create_task(closed_loop(service.port, repeat_until(done, crops(100)), 8))
        await asyncio.to_thread(actions)
        done.set()
        return await clients

    return asyncio.run(run())


def events(service: Service, begin: int) -> Counter[str]:
    """The events in the log after its first ``begin`` characters; all of its lines are JSON."""
    return Counter(json.loads(line)["event"] for line in service.log.read_text()[begin:].splitlines())


def test_images_are_stored_once_or_refused_while_the_disk_is_full(
    small_service: Service, small_records: RecordChecker, data_disk: SmallDisk
) -> None:
    begin = len(small_service.log.read_text())
    during: dict[str, Any] = {}

    def fill_and_free() -> None:
        time.sleep(2)
        data_disk.fill()
        time.sleep(OUTAGE_S)
        during.update(health(small_service))
        login = {"username": "ada", "password": "correct horse battery staple"}
        during["login"] = httpx.post(f"{small_service.url}/auth/token/login/", json=login, timeout=10)
        data_disk.free()
        deadline = time.monotonic() + 30
        while health(small_service)["status"] != "ready":
            assert time.monotonic() < deadline, "the service does not recover"
            time.sleep(0.2)

    outcomes = load(small_service, fill_and_free)
    after = load(small_service, lambda: time.sleep(1))
    print("full disk:", summary(outcomes))
    assert set(statuses(outcomes)) == {201, 503}
    assert set(statuses(after)) == {201}
    for outcome in outcomes:
        if outcome.status == 503:
            assert outcome.document["code"] == "storage_unavailable"
            assert int(outcome.headers["retry-after"]) >= 1
    assert during["status"] == "degraded"
    assert {name for name, state in during["parts"].items() if state == "degraded"} == {"database", "storage"}
    # 400 if the count of the wrong password fits into the space that SQLite's log already has
    assert during["login"].status_code in {400, 503}
    small_records.wait_until_spool_is_empty()
    small_records.check([*outcomes, *after])
    logged = events(small_service, begin)
    assert (logged["storage_unavailable"], logged["storage_recovered"], logged["database_recovered"]) == (1, 1, 1)
    assert logged.total() < 12, logged


def test_images_are_answered_while_the_disk_of_temporary_files_is_full(
    small_service: Service, small_records: RecordChecker, temporary_disk: SmallDisk
) -> None:
    begin = len(small_service.log.read_text())

    def fill_and_free() -> None:
        temporary_disk.fill()
        time.sleep(OUTAGE_S)
        temporary_disk.free()
        time.sleep(1)

    outcomes = load(small_service, fill_and_free)
    print("full disk of temporary files:", summary(outcomes))
    assert set(statuses(outcomes)) == {201}
    small_records.check(outcomes)
    assert events(small_service, begin).total() < 12
    assert health(small_service)["status"] == "ready"
