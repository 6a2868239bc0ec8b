"""A round of the benchmark, with a small HTTP server as the service."""

from pathlib import Path

import pytest

from benchmarks import limit, makefile, measuring
from benchmarks.checkout import Checkout
from benchmarks.floor import Floor
from benchmarks.limit import Limit
from benchmarks.results import CASES, FULL_LOAD, HITS, MEDIUM
from benchmarks.service import DEFAULT_MODEL, Service
from tests.benchmarks.small_service import small_checkout


@pytest.fixture
def precisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those in which the limit was measured, as if the processor had bf16."""
    found: list[str] = []
    monkeypatch.setattr(Checkout, "artifacts", tmp_path / "artifacts")
    small = small_checkout(tmp_path / "small", DEFAULT_MODEL)

    def service(folder: Path, photo: bytes, config: Path | None) -> Service:
        return Service(folder, photo, config, checkout=small)

    def measured(work: limit.Work) -> Limit:
        found.append(work.precision)
        return Limit(1e5, [], 2.0, work.runtime, work.precision)

    monkeypatch.setattr(measuring, "Service", service)
    monkeypatch.setattr(measuring, "SETTLE_S", 0.0)
    monkeypatch.setattr(measuring, "CASES", CASES[2:])
    monkeypatch.setattr(measuring, "_has_bf16", lambda: True)
    monkeypatch.setattr(makefile, "overhead_s", lambda: 0.5)
    monkeypatch.setattr(limit, "measure", measured)
    monkeypatch.setattr(measuring, "floor_of", lambda *_: Floor(1.0, 3.0, 0.5))
    return found


def test_a_round(precisions: list[str]):
    steps: list[str] = []
    with measuring.requests([b"a photo"]) as sent:
        each, model = measuring.measure(measuring.Plan([b"a photo"], 1.0, None), sent, steps.append)
    assert model["name"] == DEFAULT_MODEL
    assert set(each.runs) == {case.name for case in CASES[2:]}
    assert each.open_hits.rate == pytest.approx(each.runs[HITS.name].load.images_per_s / 2)
    assert each.open_hits.answered > 0
    assert "raylens serve" in each.idle_cores
    assert each.pss_mib > 0
    assert precisions == ["fp32", "bf16"]
    assert each.bf16 is not None
    assert set(each.bf16.runs) == {MEDIUM.name, FULL_LOAD.name}
    assert len(steps) <= measuring.STEPS
