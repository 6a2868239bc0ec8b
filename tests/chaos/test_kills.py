"""Processes of the service are killed while it is under load."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

import psutil
import pytest

from tests.chaos.books import Books
from tests.chaos.client import Outcome, closed_loop, statuses
from tests.chaos.photos import Photo, cut
from tests.service import Service

pytestmark = pytest.mark.chaos
CONNECTIONS = 64


def load_and_kill(service: Service, photos: Sequence[Photo], kills: Sequence[Callable[[], object]]) -> list[Outcome]:
    """Send every photo once; the kills fall evenly among the answers."""
    todo = list(kills)
    between = len(photos) // (len(kills) + 1)
    heard = 0

    def hear(_outcome: Outcome) -> None:
        nonlocal heard
        heard += 1
        if todo and heard % between == 0:
            todo.pop(0)()

    started = time.monotonic()
    outcomes = asyncio.run(closed_loop(service.port, photos, CONNECTIONS, heard=hear))
    seconds = [outcome.seconds for outcome in outcomes]
    rate = len(outcomes) / (time.monotonic() - started)
    print(f"{statuses(outcomes)}, {rate:.0f}/s, median {median(seconds):.2f} s, longest {max(seconds):.2f} s")
    return outcomes


def kill_process(service: Service, title: str) -> None:
    """SIGKILL what holds ``title`` in its command line: one process, but for HAProxies that a new one has relieved."""
    victims = [process for process in service.processes() if title in " ".join(_command(process))]
    assert len(victims) == 1 or (victims and "haproxy" in title)
    for victim in victims:
        victim.kill()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_no_request_fails_when_a_stage_is_killed(service: Service, books: Books):
    stages = ("Preprocessor", "Classifier", "Results")
    before = {stage: service.replicas(stage)[0].pid for stage in stages}
    outcomes = load_and_kill(service, cut(1300), [partial(service.kill, stage) for stage in stages])
    assert statuses(outcomes) == {201: 1300}
    books.check(outcomes)
    assert all(service.replicas(stage)[0].pid != before[stage] for stage in stages)


def test_requests_survive_the_death_of_their_ingress(service: Service, books: Books):
    """HAProxy sends those under way once more, and those that arrive meanwhile wait for the next replica."""
    outcomes = load_and_kill(service, cut(700, seed=2), [partial(service.kill, "Ingress")])
    assert statuses(outcomes) == {201: 700}
    books.check(outcomes, unanswered_at_most=CONNECTIONS)


def test_no_request_fails_when_serves_own_actors_are_killed(service: Service, books: Books):
    actors = ("ray::ServeController", "ray::ProxyActor")
    outcomes = load_and_kill(service, cut(400, seed=3), [partial(kill_process, service, actor) for actor in actors])
    assert statuses(outcomes) == {201: 400}
    books.check(outcomes)


@pytest.mark.parametrize("title", ["bin/haproxy -db", "ray::HAProxyManager"])
def test_the_service_is_back_soon_after_haproxy_was_killed(service: Service, books: Books, title: str):
    """There is one HAProxy a machine: without it nobody is let in, but nothing that was answered is lost."""
    killed_at = 0.0

    def kill() -> None:
        nonlocal killed_at
        killed_at = time.monotonic()
        kill_process(service, title)

    outcomes = load_and_kill(service, cut(130, seed=4), [kill])
    assert all(outcome.status == 201 for outcome in outcomes if outcome.ended_at < killed_at)
    service.wait_ready(30)
    away_s = time.monotonic() - killed_at
    print(f"back after {away_s:.1f} s")
    assert away_s < 20
    outcomes += load_and_kill(service, cut(130, seed=5), [])
    assert statuses(outcomes[130:]) == {201: 130}
    books.check(outcomes, unanswered_at_most=CONNECTIONS)


def test_requests_survive_six_deaths_of_the_preprocessor(service: Service, books: Books):
    """As a picture would do that crashes the decoder: whoever is in work beside it must not suffer."""
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
        load = asyncio.create_task(closed_loop(service.port, cut(500, seed=6), CONNECTIONS))
        killed = await kill_in_a_row(load)
        outcomes.extend(await load)
        return killed

    assert asyncio.run(run()) == 6
    assert statuses(outcomes) == {201: 500}
    print(f"longest {max(outcome.seconds for outcome in outcomes):.1f} s")
    books.check(outcomes)
