"""Processes of the service are killed while it is under load."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

import psutil
import pytest

from tests.chaos.client import Outcome, closed_loop, statuses, summary
from tests.chaos.photos import Photo, crops
from tests.chaos.record_checker import RecordChecker
from tests.service import Service

pytestmark = pytest.mark.chaos
CONNECTIONS = 64


def load_and_kill(service: Service, photos: Sequence[Photo], kills: Sequence[Callable[[], object]]) -> list[Outcome]:
    """Send each photo once; the kills are spread evenly over the outcomes."""
    pending = list(kills)
    interval = len(photos) // (len(kills) + 1)
    count = 0

    def on_outcome(_outcome: Outcome) -> None:
        nonlocal count
        count += 1
        if pending and count % interval == 0:
            pending.pop(0)()

    outcomes = asyncio.run(closed_loop(service.port, photos, CONNECTIONS, on_outcome=on_outcome))
    print(summary(outcomes))
    return outcomes


def kill_process(service: Service, title: str) -> None:
    """SIGKILL the process with ``title`` in its command line; of HAProxy also those that are being replaced."""
    victims = [process for process in service.processes() if title in " ".join(_command(process))]
    assert len(victims) == 1 or (victims and "haproxy" in title)
    for victim in victims:
        victim.kill()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_no_request_fails_when_a_stage_is_killed(service: Service, records: RecordChecker):
    stages = ("Preprocessor", "Classifier", "Results")
    before = {stage: service.replicas(stage)[0].pid for stage in stages}
    outcomes = load_and_kill(service, crops(1300), [partial(service.kill, stage) for stage in stages])
    assert statuses(outcomes) == {201: 1300}
    records.check(outcomes)
    assert all(service.replicas(stage)[0].pid != before[stage] for stage in stages)


def test_no_request_fails_when_the_ingress_is_killed(service: Service, records: RecordChecker):
    """HAProxy resends requests in flight and holds new ones until the next replica is ready."""
    outcomes = load_and_kill(service, crops(700, seed=2), [partial(service.kill, "Ingress")])
    assert statuses(outcomes) == {201: 700}
    records.check(outcomes, unanswered_at_most=CONNECTIONS)


def test_no_request_fails_when_actors_of_serve_are_killed(service: Service, records: RecordChecker):
    actors = ("ray::ServeController", "ray::ProxyActor")
    outcomes = load_and_kill(service, crops(400, seed=3), [partial(kill_process, service, actor) for actor in actors])
    assert statuses(outcomes) == {201: 400}
    records.check(outcomes)


@pytest.mark.parametrize("title", ["bin/haproxy -db", "ray::HAProxyManager"])
def test_the_service_recovers_after_haproxy_is_killed(service: Service, records: RecordChecker, title: str):
    """Each machine has one HAProxy: without it requests fail, but nothing that was answered is lost."""
    killed_at = 0.0

    def kill() -> None:
        nonlocal killed_at
        killed_at = time.monotonic()
        kill_process(service, title)

    outcomes = load_and_kill(service, crops(130, seed=4), [kill])
    assert all(outcome.status == 201 for outcome in outcomes if outcome.ended_at < killed_at)
    service.wait_ready(30)
    recovery_s = time.monotonic() - killed_at
    print(f"ready {recovery_s:.1f} s after the kill")
    assert recovery_s < 20
    outcomes += load_and_kill(service, crops(130, seed=5), [])
    assert statuses(outcomes[130:]) == {201: 130}
    records.check(outcomes, unanswered_at_most=CONNECTIONS)


def test_no_request_fails_when_six_preprocessors_are_killed_in_a_row(service: Service, records: RecordChecker):
    """As with an image that crashes the decoder: images of the same batch must not be affected."""
    outcomes: list[Outcome] = []

    async def kill_in_a_row(load: asyncio.Task[list[Outcome]]) -> int:
        dead: set[int] = set()
        while len(dead) < 6 and not load.done():
            await asyncio.sleep(0.3)
            for victim in service.replicas("Preprocessor"):
                if victim.pid not in dead:
                    victim.kill()
                    dead.add(victim.pid)
        return len(dead)

    async def run() -> int:
        load = asyncio.create_task(closed_loop(service.port, crops(500, seed=6), CONNECTIONS))
        killed = await kill_in_a_row(load)
        outcomes.extend(await load)
        return killed

    assert asyncio.run(run()) == 6
    assert statuses(outcomes) == {201: 500}
    print(summary(outcomes))
    records.check(outcomes)
