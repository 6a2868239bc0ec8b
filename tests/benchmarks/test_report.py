"""Evaluation of the results: medians, shares, tables, the chart."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from benchmarks import charts, report
from benchmarks.results import FULL_LOAD, HITS, Benchmark, Run
from tests.benchmarks.sample import benchmark_of, load, round_of


@pytest.fixture
def benchmark() -> Benchmark:
    return benchmark_of(round_of(200, 150, 1500), round_of(240, 160, 1760), round_of(100, 90, 720))


def test_shares_are_of_the_sameround_of(benchmark: Benchmark):
    share = benchmark.share(FULL_LOAD)
    assert [share.least, share.median, share.greatest] == pytest.approx([2 / 3, 0.75, 0.9])
    assert benchmark.hit_ratio().median == 10.0
    assert benchmark.token_ratio().median == pytest.approx(0.9)
    assert benchmark.limit().median == 200


def test_tables_on_the_terminal(benchmark: Benchmark):
    console = Console(width=160, record=True, file=io.StringIO())
    report.show(benchmark, console)
    text = console.export_text()
    for wanted in (
        "90–160",
        "75 %",
        "10.0 × (8.0–11.0) the throughput",
        "0.90 × the throughput of hits without",
        "12.5",
        "7.5",
        "6.75",
        "420",
        "11.5 s",
        "98 KB",
        "0.67",
    ):
        assert wanted in text
    assert "Note" not in text


def test_warnings():
    disturbed = round_of(200, 150, 1500, cores_got=1.5)
    disturbed.runs[HITS.name] = Run(load(1500, client_cores=0.97), 0, {}, other_cores=0.0)
    disturbed.runs[FULL_LOAD.name] = Run(load(150, refused=3), 0, {}, other_cores=0.5)
    full, hits, limit, errors = benchmark_of(disturbed).warnings()
    assert full == "64 connections: other programs used 0.50 of 2 cores."
    assert hits == "64, cache hits: wrk is the bottleneck; it used 0.97 of the one core it can use."
    assert limit == "the limit was measured with 1.50 of 2 cores, so the true limit is higher and the shares lower."
    assert errors.startswith("3 requests were refused")


def test_json_contains_all_rounds_and_the_medians(benchmark: Benchmark):
    document = json.loads(json.dumps(benchmark.as_dict()))
    assert [each["limit"]["images_per_s"] for each in document["rounds"]] == [200, 240, 100]
    assert document["medians"]["cases"]["64 connections"]["share_of_limit"]["median"] == 0.75
    assert document["medians"]["hits_to_uncached"]["median"] == 10.0


def test_the_json_can_be_read_again(benchmark: Benchmark, tmp_path: Path):
    (tmp_path / "latest.json").write_text(json.dumps(benchmark.as_dict()))
    assert Benchmark.read(tmp_path / "latest.json") == benchmark


def test_cpu_time_is_reported_for_each_number_of_connections(benchmark: Benchmark):
    heading, *rows = report.processes(benchmark)
    assert heading[2:6] == ["CPU ms per image: 1", "16", "64", "per hit"]
    by_component = {row[0]: row for row in rows}
    assert by_component["Classifier"][2:7] == ["5.50", "5.50", "5.50", "5.50", "1.0"]
    assert by_component["total"][6:] == ["3.0", "420"]
    assert by_component["load generator: wrk"][2] == "2.00"  # 0.1 cores for 50 images/s


def test_the_generated_block_is_replaced(benchmark: Benchmark, tmp_path: Path):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Before\n\n{report.BLOCK.begin}\nold\n{report.BLOCK.end}\n\nafter\n")
    report.write_into(page, benchmark)
    once = page.read_text()
    report.write_into(page, benchmark)
    assert page.read_text() == once
    assert once.startswith("# Before\n")
    assert once.endswith("\n\nafter\n")
    assert "old" not in once
    assert "| 64 connections | 150 | 90–160 | 75 % |" in once


def test_a_page_without_markers_is_rejected(benchmark: Benchmark, tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("nothing here")
    with pytest.raises(ValueError, match="no markers"):
        report.write_into(page, benchmark)
    assert page.read_text() == "nothing here"


def test_the_documentation_has_the_markers():
    page = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text()
    assert page.count(report.BLOCK.begin) == page.count(report.BLOCK.end) == 1


def test_chart(benchmark: Benchmark, tmp_path: Path):
    path = tmp_path / "new" / "bench.png"
    charts.draw(benchmark, path)
    with Image.open(path) as image:
        assert image.width > 1500
        assert len(image.convert("RGB").getcolors(1 << 20) or []) > 20
