"""One round: the hardware limit, Raylens, then each peer, started one at a time."""

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import httpx
import psutil

from benchmarks import limit, open_loop
from benchmarks.load import LoadFailed, Workload
from benchmarks.measuring import fill_cache
from benchmarks.observation import observe, warm_up
from benchmarks.open_loop import Arrivals
from benchmarks.peers.answers import TOLERANCE, Agreement, AnswerMismatch, asked, compared, top_1_agreement
from benchmarks.peers.catalogue import Peer
from benchmarks.peers.engine import PeerConfig
from benchmarks.peers.request_format import Answer
from benchmarks.peers.results import (
    CASES,
    GOAL_MS,
    HITS,
    MIN_SHARE,
    RATES,
    RAYLENS,
    SHIPPED_CASES,
    Case,
    Round,
    Run,
    SystemRound,
)
from benchmarks.peers.server import PeerFailed
from benchmarks.peers.sizes import PHOTO, SIZES, Photos
from benchmarks.peers.systems import RAYLENS_PATH, System, Workloads, peer, raylens
from benchmarks.photo_server import serving
from benchmarks.processes import memory
from benchmarks.service import ARTIFACTS, Service, ServiceFailed
from models.artifacts import ensure_artifact
from models.runtimes.loading import load_runtime
from models.zoo import resolve_model

FAILURES: Final = (PeerFailed, AnswerMismatch, LoadFailed, httpx.HTTPError, psutil.Error)
"""Errors of a peer, which is then excluded."""

QUIET_S: Final = 20.0
"""Maximum time for a system to finish the requests of the previous run."""

RETRY_FACTOR: Final = 4
"""A run without responses is repeated once, this many times as long."""

SAME_ENGINE: Final = "OpenVINO"

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Installed:
    """A peer whose environment is installed."""

    peer: Peer
    python: Path
    version: str


@dataclass(slots=True)
class Plan:
    photos: Photos
    workloads: Workloads
    model: dict[str, str]
    """Name, runtime and precision."""
    seconds: float
    """Length of each run, preceded by a warm-up of a third of it."""
    rates: tuple[float, ...] = RATES
    workers: int = 0
    """Workers of each peer; 0 for one more than cores, so that no core is idle while a worker waits."""
    threads: int = 1
    """Threads per model call of a peer."""
    agreements: dict[str, Agreement] = field(default_factory=dict)
    """By name of the peer."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Title of an excluded peer → reason."""


def selected_model(name: str) -> dict[str, str]:
    """Name, runtime and precision that Raylens uses on this machine. Raises ModelError."""
    runtime = load_runtime(resolve_model(name), artifacts_dir=ARTIFACTS)
    return {"name": name, "runtime": runtime.name, "precision": runtime.precision}


def measure(plan: Plan, peers: list[Installed], step: Step) -> Round:
    """Run one round, excluding peers that fail.

    Raises ServiceFailed, LoadFailed or RuntimeError if Raylens or the limit cannot be measured.
    """
    step("the limit of this machine")
    limits = _limits(plan)
    rates = [share * limits[PHOTO].images_per_s for share in plan.rates]
    systems, shipped, expected = {}, {}, []
    step("Raylens: starting")
    with raylens(plan.workloads, plan.photos) as (system, service):
        _check_model(service, plan.model)
        step("Raylens: answers")
        expected = asked(system.classify, plan.photos.all)
        systems[RAYLENS] = _system(system, plan, rates, lambda what: step(f"Raylens: {what}"))
        step("Raylens: cache hits")
        systems[RAYLENS].closed[HITS.name] = _hits(system, service, plan)
    for each in peers:
        if each.peer.title in plan.left_out:
            continue
        try:
            systems[each.peer.name] = _peer(each, plan, expected, rates, step)
            if each.peer.engine == SAME_ENGINE:
                shipped[each.peer.name] = _shipped(each, plan, expected, step)
        except FAILURES as error:
            plan.left_out[each.peer.title] = str(error) or repr(error)
    got = min(found.cores_got for found in limits.values())
    return Round({size: found.images_per_s for size, found in limits.items()}, got, systems, shipped)


def _limits(plan: Plan) -> dict[str, limit.Limit]:
    """By size of the photos."""
    model = plan.model
    return {
        size: limit.measure(
            limit.Work(
                model["name"], model["runtime"], model["precision"], ARTIFACTS, plan.photos.files[size], plan.seconds
            )
        )
        for size in SIZES
    }


def _check_model(service: Service, expected: dict[str, str]) -> None:
    reported = service.model()
    if any(reported[key] != value for key, value in expected.items()):
        raise ServiceFailed(f"Raylens runs {reported} instead of {expected}.")


def terms(plan: Plan) -> PeerConfig:
    """The configuration of all peers, without port and folder."""
    name, cores = plan.model["name"], len(limit.cores())
    artifact = str(ensure_artifact(resolve_model(name), ARTIFACTS))
    workers = plan.workers or cores + 1
    return PeerConfig(name, artifact, plan.model["precision"], cores, workers, plan.threads, port=0, folder="")


def _peer(
    each: Installed,
    plan: Plan,
    expected: list[Answer],
    rates: list[float],
    step: Step,
) -> SystemRound:
    title = each.peer.title
    step(f"{title}: starting")
    with peer(each.peer, each.python, terms(plan), plan.workloads, plan.photos) as system:
        step(f"{title}: answers")
        found = asked(system.classify, plan.photos.all)
        plan.agreements[each.peer.name] = compared(expected, found, TOLERANCE[each.peer.engine])
        return _system(system, plan, rates, lambda what: step(f"{title}: {what}"))


def _shipped(each: Installed, plan: Plan, expected: list[Answer], step: Step) -> dict[str, Run]:
    """The peer with plain preprocessing."""
    title = f"{each.peer.title}, as shipped"
    step(f"{title}: starting")
    config = replace(terms(plan), plain=True)
    with peer(each.peer, each.python, config, plan.workloads, plan.photos) as system:
        top_1_agreement(expected, asked(system.classify, plan.photos.all))
        runs = {}
        for case in SHIPPED_CASES:
            step(f"{title}: {case.name}")
            runs[case.name] = _closed(system, case, system.workloads[case.size], plan.seconds)
        return runs


def _system(system: System, plan: Plan, rates: list[float], step: Step) -> SystemRound:
    closed = {}
    for case in CASES:
        step(case.name)
        closed[case.name] = _closed(system, case, system.workloads[case.size], plan.seconds)
    held = memory(system.processes()).values()
    pss = [part.pss_mib for part in held if part.pss_mib is not None]
    return SystemRound(
        start_s=system.start_s,
        closed=closed,
        arrivals=_open(system, plan, rates, step),
        processes=sum(part.processes for part in held),
        rss_mib=sum(part.rss_mib for part in held),
        pss_mib=sum(pss) if pss else None,
    )


def _closed(system: System, case: Case, workload: Workload, seconds: float) -> Run:
    warm_up(system, workload, case.connections, seconds)
    for length in (seconds, RETRY_FACTOR * seconds):
        seen, used = observe(system, workload, case.connections, length)
        if seen.answers:
            break
    else:
        raise LoadFailed(f"{case.name}: no request succeeded within {seen.seconds:.0f} s:\n{system.log_end()}")
    cpu_ms = 1e3 * used.total / seen.answers
    return Run(seen, cpu_ms, used.other_cores(seen.client_cores * seen.seconds))


def _open(system: System, plan: Plan, rates: list[float], step: Step) -> list[Arrivals]:
    arrivals: list[Arrivals] = []
    for rate in rates:
        if arrivals and arrivals[-1].share < MIN_SHARE:
            break
        step(f"{rate:.0f} requests/s")
        _await_quiet(system, plan.photos.files[PHOTO][0])
        arrivals.append(open_loop.run(system.url, system.workloads[PHOTO], rate, plan.seconds, GOAL_MS))
    return arrivals


def _await_quiet(system: System, photo: bytes) -> None:
    """Wait until two consecutive photos are answered within the goal, so that the queue is empty."""
    until, quick = time.perf_counter() + QUIET_S, 0
    while quick < 2 and time.perf_counter() < until:
        started, answered = time.perf_counter(), False
        with contextlib.suppress(PeerFailed, ServiceFailed):  # rejected while the queue is full
            system.classify(photo)
            answered = True
        quick = quick + 1 if answered and time.perf_counter() - started < GOAL_MS / 1e3 else 0


def _hits(system: System, service: Service, plan: Plan) -> Run:
    with serving(plan.photos.files[PHOTO]) as urls:
        _await_quiet(system, plan.photos.files[PHOTO][0])
        fill_cache(service, urls)
        bodies = [json.dumps({"image_url": url}).encode() for url in urls]
        with Workload.of(RAYLENS_PATH, "application/json", bodies) as workload:
            return _closed(system, HITS, workload, plan.seconds)
