"""Evaluation of the results: ratios, tables, the documentation page, the chart, JSON."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from benchmarks.growth import charts, cluster, report
from benchmarks.growth.results import Growth
from tests.benchmarks.growth.sample import growth, loaded, replicas

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def found() -> Growth:
    return growth()


def _text(found: Growth) -> str:
    console = Console(width=220, record=True, file=io.StringIO())
    report.show(found, console)
    return console.export_text()


def test_ratios_are_within_the_same_round(found: Growth):
    four = found.to_one_replica(2)
    assert [four.least, four.median, four.greatest] == pytest.approx([3.75, 3.8, 4.0])
    assert found.to_single_images(16).median == pytest.approx(1.2, rel=1e-3)
    assert found.to_fewest(lambda each: each.api["Top 10"]) == 1.5


def test_the_bottleneck_is_identified(found: Growth):
    one, *_, eight, free = found.replicas[0]
    assert one.limit(2) == "the model"
    assert eight.limit(2) == "the 2 cores"
    assert eight.limit(8) == "waiting"
    assert replace(free, run=loaded(950)).limit(99) == "the Ingress"
    assert (one.ideal, eight.ideal, free.ideal) == (50.0, 400.0, None)


def test_tables_on_the_terminal(found: Growth):
    text = _text(found)
    for wanted in (
        "180–200",
        "95 %",
        "4 × the Classifiers: 3.80 × (3.75–4.00) the throughput from 1 to 4",
        "1000 requests/s per core, 1.00 ms each",
        "103 per utilized core",
        "10 M ÷ 10 k",
        "6.0 (13.5)",
        "7,000",
        "1.50 × as long as with 10 k",
        "A cluster for 10,000 images/s",
        "one Ingress replica, as in config/serve.yaml",
    ):
        assert wanted in text, wanted
    assert "Note" not in text


def test_each_part_can_be_reported_alone(found: Growth):
    for alone in (
        replace(found, records=[], requests=[], model={}),
        replace(found, replicas=[], requests=[], model={}),
        replace(found, replicas=[], records=[]),
    ):
        assert not alone.is_complete
        assert "A cluster" not in _text(alone)


def test_disturbances_are_reported(found: Growth):
    disturbed = replicas(50, 100, 200, 220, 220)
    disturbed[0] = replace(disturbed[0], run=loaded(50, other_cores=0.7, client_cores=0.95))
    client, others = replace(found, replicas=[disturbed]).warnings()
    assert client == "1 Classifiers of 20 ms: wrk was the bottleneck; it used 0.95 of a core."
    assert others == "1 Classifiers of 20 ms: other programs used 0.70 of 2 cores in at least one round."


def test_the_cluster_is_sized_from_the_results(found: Growth):
    figures = cluster.measured(found)
    assert {stage.name: (stage.alone_ms, stage.together_ms) for stage in figures.stages}["Results"] == pytest.approx(
        (1.5, 0.5)
    )
    assert (figures.latency_ms, figures.row_bytes, figures.photo_bytes) == (25.0, 700.0, 98_000.0)
    assert figures.transaction_ms == {1: 1.0, 16: 2.5}
    heading, *limits = cluster.limits(found)
    rates = [float(rate.replace(",", "")) for _, rate in limits]
    assert len(heading) == 2
    assert rates == sorted(rates)
    assert dict(limits)["one Ingress replica, as in config/serve.yaml"] == "1,000"
    batches = cluster.notes(found)[1]
    assert "a call has 1.0 images" in batches


def test_the_page(found: Growth, tmp_path: Path):
    page = tmp_path / "benchmarks.md"
    page.write_text((DOCS / "benchmarks.md").read_text())
    report.write_into(page, found)
    report.write_into(page, found)
    text = page.read_text()
    assert text.count("**Bottlenecks**") == text.count(report.BLOCK.begin) == text.count(report.BLOCK.end) == 1
    before, _, _ = (DOCS / "benchmarks.md").read_text().partition(report.BLOCK.begin)
    assert text.startswith(before)


def test_the_chart(found: Growth, tmp_path: Path):
    charts.draw(found, tmp_path / "growth.png")
    with Image.open(tmp_path / "growth.png") as image:
        assert image.width > 1500
        assert len(image.convert("RGB").getcolors(1 << 20) or []) > 20
    charts.draw(replace(found, records=[], requests=[], model={}), tmp_path / "alone.png")
    with Image.open(tmp_path / "alone.png") as image:
        assert image.width < 1000


def test_json_round_trip(found: Growth, tmp_path: Path):
    (tmp_path / "growth.json").write_text(found.as_json())
    assert Growth.read(tmp_path / "growth.json") == found
