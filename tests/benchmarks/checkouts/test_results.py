"""Evaluation of two checkouts: ratios within a round, tables, JSON, warnings."""

import json

import pytest

from benchmarks.checkouts import report
from benchmarks.checkouts.results import AFTER, BEFORE, Duel, Side, cpu_ms
from benchmarks.load import Load
from benchmarks.results import Machine, Run

MODEL = {"name": "efficientnet-lite0", "runtime": "openvino", "precision": "fp32"}
CASE = "16 connections"


def _run(rate: float, cpu: float, other_cores: float = 0.0, refused: int = 0) -> Run:
    load = Load(round(10 * rate) + refused, 10.0, refused, 0, 1e3 / rate, 2e3 / rate, 3e3 / rate, 0.1)
    return Run(load, 4.0, {"Ingress": 2.0, "Classifier": cpu}, other_cores)


@pytest.fixture
def duel() -> Duel:
    sides = {name: Side(f"/code/{name}", "abc1234", 9.0, MODEL) for name in (BEFORE, AFTER)}
    rounds = [(100.0, 110.0), (50.0, 60.0), (100.0, 130.0)]
    return Duel(
        machine=Machine("A CPU", 2, 8.0, "Linux 6", "3.11.2"),
        generator="wrk",
        seconds=4.0,
        sides=sides,
        rounds=[{CASE: {BEFORE: _run(before, 8.0), AFTER: _run(after, 6.0)}} for before, after in rounds],
    )


def test_ratios_are_within_a_round(duel: Duel):
    ratio = duel.ratio(CASE, lambda run: run.load.images_per_s)
    assert [ratio.least, ratio.median, ratio.greatest] == pytest.approx([1.1, 1.2, 1.3])
    assert duel.ratio(CASE, cpu_ms).median == 0.8


def test_tables(duel: Duel):
    speed = {row[1]: row[2:] for row in report.speed(duel)[1:]}
    assert speed["images/s"] == ["100.0", "110.0", "1.200", "1.100–1.300"]
    assert speed["CPU ms per image"] == ["10.0", "8.0", "0.800", ""]
    cpu = {row[0]: row[1:] for row in report.cpu(duel)}
    assert cpu["CPU ms per image"] == ["16: before", "16: after"]
    assert cpu["Classifier"] == ["8.00", "6.00"]
    assert cpu["total"] == ["10.00", "8.00"]
    assert cpu["load generator: wrk"] == ["1.00", "0.91"]
    assert "before: /code/before abc1234" in report.caption(duel)


def test_components_of_one_side_are_listed(duel: Duel):
    duel.rounds[0][CASE][AFTER].cpu_ms_per_image["Decoder"] = 1.0
    assert duel.components() == ["Classifier", "Ingress", "Decoder"]


def test_json(duel: Duel):
    document = json.loads(duel.as_json())
    assert document["ratios"][CASE]["cpu_ms_per_image"]["median"] == 0.8
    assert len(document["rounds"]) == 3
    assert document["warnings"] == []


def test_warnings(duel: Duel):
    for each in duel.rounds:
        each[CASE][AFTER] = _run(100.0, 6.0, other_cores=0.5, refused=1)
    noisy, invalid = duel.warnings()
    assert noisy == "16 connections, after: other programs used 0.50 of 2 cores; rely on CPU ms per image."
    assert invalid.startswith("3 requests were refused")
