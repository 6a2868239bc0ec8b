"""A round continues without peers that fail."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.limit import Limit
from benchmarks.peers import measuring
from benchmarks.peers.answers import AnswerMismatch
from benchmarks.peers.catalogue import PEERS, Peer
from benchmarks.peers.engine import PeerConfig
from benchmarks.peers.measuring import Installed, Plan
from benchmarks.peers.results import HITS, RAYLENS, SHIPPED_CASES
from benchmarks.peers.server import PeerFailed, PeerServer, free_port_pair
from benchmarks.peers.sizes import SIZES, Photos
from tests.benchmarks.peers.sample import LIMITS, run, system

MODEL = {"name": "efficientnet-lite0", "runtime": "openvino", "precision": "fp32"}
TRITON, LITSERVE, BENTOML = PEERS[:3]


@pytest.fixture
def plan() -> Plan:
    photos = Photos({size: [size.encode()] for size in SIZES})
    return Plan(photos, workloads=Any, model=MODEL, seconds=1.0)  # type: ignore[arg-type]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles of the peers that were started. All systems but BentoML return class 1 for every photo."""
    titles: list[str] = []
    service = SimpleNamespace(model=lambda: MODEL | {"version": "1"})

    @contextmanager
    def raylens(*_: Any) -> Iterator[Any]:
        yield SimpleNamespace(classify=lambda _: [(1, 0.9)]), service

    @contextmanager
    def peer(which: Peer, *_: Any) -> Iterator[Any]:
        titles.append(which.title)
        if which is TRITON:
            raise PeerFailed("no such library")
        index = 2 if which is BENTOML else 1
        yield SimpleNamespace(classify=lambda _: [(index, 0.9)])

    limits = {size: Limit(LIMITS[size], [], 1.9, "openvino", "fp32") for size in SIZES}
    monkeypatch.setattr(measuring, "_limits", lambda _: limits)
    monkeypatch.setattr(measuring, "terms", lambda _: None)
    monkeypatch.setattr(measuring, "raylens", raylens)
    monkeypatch.setattr(measuring, "peer", peer)
    monkeypatch.setattr(measuring, "_system", lambda *_: system(100, [1.0]))
    monkeypatch.setattr(measuring, "_hits", lambda *_: run(1000))
    monkeypatch.setattr(measuring, "_shipped", lambda *_: {case.name: run(50) for case in SHIPPED_CASES})
    return titles


def test_failing_peers_are_excluded_with_the_reason(plan: Plan, started: list[str]):
    peers = [Installed(peer, Path("python"), "1") for peer in (TRITON, BENTOML, LITSERVE)]
    messages: list[str] = []
    first = measuring.measure(plan, peers, messages.append)
    assert set(first.systems) == {RAYLENS, LITSERVE.name}
    assert HITS.name in first.systems[RAYLENS].closed
    assert set(first.shipped) == {LITSERVE.name}
    assert plan.left_out[TRITON.title] == "no such library"
    assert plan.left_out[BENTOML.title].startswith("photo 0")
    assert plan.agreements[LITSERVE.name].photos == len(SIZES)
    assert f"{LITSERVE.title}: answers" in messages
    measuring.measure(plan, peers, messages.append)
    assert started == [TRITON.title, BENTOML.title, LITSERVE.title, LITSERVE.title]


def test_a_different_precision_of_raylens_aborts_the_round(plan: Plan, started: list[str]):
    plan.model = MODEL | {"precision": "bf16"}
    with pytest.raises(RuntimeError, match="bf16"):
        measuring.measure(plan, [], lambda _: None)


def test_different_results_are_a_failure():
    assert issubclass(AnswerMismatch, measuring.FAILURES)


def test_a_server_that_terminates_during_startup(tmp_path: Path):
    config = PeerConfig("efficientnet-lite0", "model.xml", "fp32", 2, 3, 1, free_port_pair(), str(tmp_path))
    server = PeerServer(SimpleNamespace(module="nobody", ready="/"), Path(sys.executable), config, b"")  # type: ignore[arg-type]
    with pytest.raises(PeerFailed, match="No module named"), server:
        pass
