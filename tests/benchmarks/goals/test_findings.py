"""Results of each benchmark for its goals."""

from dataclasses import replace

import pytest

from benchmarks.goals import bench, comparison, growth
from benchmarks.goals.goal import Finding, Goal
from benchmarks.limit import Limit
from benchmarks.peers.results import FULL, MEDIUM, RAYLENS, Comparison
from benchmarks.results import FULL_LOAD, Benchmark, Reduced
from tests.benchmarks.growth.sample import growth as growth_sample
from tests.benchmarks.peers import sample
from tests.benchmarks.sample import benchmark_of, round_of


@pytest.fixture
def benchmark() -> Benchmark:
    found = benchmark_of(round_of(200, 150, 1500), round_of(240, 160, 1760), round_of(100, 90, 720))
    found.model["precision"] = "fp32"
    return found


def _by_goal(findings: list[Finding]) -> dict[Goal, Finding]:
    return {finding.goal: finding for finding in findings}


def test_every_goal_of_make_bench_has_a_row(benchmark: Benchmark):
    found = _by_goal(bench.findings(benchmark))
    assert found[bench.SHARE["fp32"]].value.median == 0.75
    assert found[bench.SHARE["fp32"]].figure == "150 of 200 images/s"
    assert not found[bench.SHARE["fp32"]].is_met
    # 1.25 + 5.5 ms of the deployments, of which decoding, model and HTTP take 1 + 3 + 0.5 ms.
    assert found[bench.CHAIN].value.median == pytest.approx(2.25)
    assert found[bench.IDLE].value.median == pytest.approx(3.0)
    assert found[bench.HIT_RATIO].value.median == pytest.approx(10.0)
    assert found[bench.HIT_P99].value.median == 15.0
    assert found[bench.MEMORY].value.median == 420.0
    assert found[bench.START].value.median == 12.0


def test_ray_and_haproxy_are_not_the_chain(benchmark: Benchmark):
    run = benchmark.rounds[0].runs["1 connection"]
    more = replace(run, cpu_ms_per_image=run.cpu_ms_per_image | {"HAProxy": 9.0, "raylet": 9.0, "other": 9.0})
    assert more.chain_ms == run.chain_ms == 6.75


def test_bf16_is_measured_beside_fp32(benchmark: Benchmark):
    assert bench.MEDIUM_SHARE not in _by_goal(bench.findings(benchmark))
    limit = Limit(300.0, [], 1.9, "openvino", "bf16")
    benchmark.rounds = [replace(each, bf16=Reduced(limit, each.runs)) for each in benchmark.rounds]
    found = _by_goal(bench.findings(benchmark))
    assert found[bench.SHARE["bf16"]].value.median == 0.5
    assert found[bench.MEDIUM_SHARE].value.median == pytest.approx(0.3)
    assert found[bench.SHARE["fp32"]].value.median == 0.75


def test_a_disturbed_run_flags_only_its_own_goals(benchmark: Benchmark):
    runs = benchmark.rounds[0].runs
    runs[FULL_LOAD.name] = replace(runs[FULL_LOAD.name], other_cores=0.7)
    found = _by_goal(bench.findings(benchmark))
    assert found[bench.SHARE["fp32"]].flags == ["noisy: other programs used up to 0.70 of 2 cores"]
    assert found[bench.CHAIN].flags == []


@pytest.fixture
def compared() -> Comparison:
    return sample.comparison(
        sample.round_of(160, 100, 80), sample.round_of(120, 100, 150), sample.round_of(150, 125, 100)
    )


def test_the_best_peer_of_each_round_counts(compared: Comparison):
    found = _by_goal(comparison.findings(compared))
    same = found[comparison.SAME[FULL]]
    assert [same.value.least, same.value.median, same.value.greatest] == pytest.approx([0.8, 1.2, 1.6])
    assert same.figure == "150.0; NVIDIA Triton 125.0"
    assert found[comparison.LATENCY].value.median == pytest.approx(0.8)
    assert found[comparison.GOODPUT].value.median > 1
    assert found[comparison.MEMORY].value.median == 700.0


def test_as_shipped_is_told_apart_from_same_pixels(compared: Comparison):
    assert comparison.SHIPPED[FULL] not in _by_goal(comparison.findings(compared))
    for each in compared.rounds:
        each.shipped["triton"] = {case.name: sample.run(75.0) for case in (MEDIUM, FULL)}
    found = _by_goal(comparison.findings(compared))
    assert found[comparison.SHIPPED[FULL]].value.median == pytest.approx(2.0)
    assert found[comparison.SAME[FULL]].value.median == pytest.approx(1.2)


def test_there_is_no_row_without_peers(compared: Comparison):
    for each in compared.rounds:
        for name in [name for name in each.systems if name != RAYLENS]:
            del each.systems[name]
    assert [finding.goal for finding in comparison.findings(compared)] == [comparison.MEMORY]


def test_growth():
    found = _by_goal(growth.findings(growth_sample()))
    assert found[growth.REPLICAS].value.median == pytest.approx(3.8)
    assert found[growth.REPLICAS].outcome == "yes"
    assert found[growth.TOP_10].value.median == pytest.approx(1.5)
    assert found[growth.TOP_10].figure == "6.0 ms with 10,000,000, 4.0 ms with 10,000 records"
