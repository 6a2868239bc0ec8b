"""Evaluation of a comparison: ratios, tables, the documentation page, the chart, JSON."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from benchmarks.peers import charts, report
from benchmarks.peers.results import FULL, ONE, RAYLENS, Comparison
from tests.benchmarks.peers.sample import arrivals, comparison, round_of, run

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def found() -> Comparison:
    return comparison(round_of(160, 100, 80), round_of(120, 100, 150), round_of(150, 125, 100))


def _text(found: Comparison) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    report.show(found, console)
    return console.export_text()


def test_ratios_are_to_the_best_of_the_same_round(found: Comparison):
    ratio = found.to_best(lambda each: each.closed[FULL.name].load.images_per_s, max)
    assert ratio is not None
    assert [ratio.least, ratio.median, ratio.greatest] == pytest.approx([0.8, 1.2, 1.6])
    latency = found.to_best(lambda each: each.closed[ONE.name].load.median_ms, min)
    assert latency is not None
    assert latency.median == pytest.approx(0.8)
    assert found.share(RAYLENS, FULL).median == 0.75


def test_there_is_no_ratio_without_peers(found: Comparison):
    for each in found.rounds:
        del each.systems["triton"], each.systems["litserve"]
    assert found.to_best(lambda each: each.closed[FULL.name].load.images_per_s, max) is None


def test_tables(found: Comparison):
    text = _text(found)
    for wanted in (
        "120–160",
        "75 %",
        "hardware limit",
        "1.20 × (0.80–1.60) that of the best peer",
        "172 photos",
        "triton 1.2",
        "105/s",
        "78/s",
        "< 50/s",
        "1500 images/s",
        "Left out: MLServer: it ended while it started:",
        "median of 3 rounds",
    ):
        assert wanted in text
    assert "a long log" not in text
    assert "Note" not in text


def test_skipped_rates_are_shown_as_dashes(found: Comparison):
    heading, _, _, litserve = report.in_time(found)
    assert heading[1:4] == ["50/s", "100/s", "150/s"]
    assert litserve[1:] == ["40 %", "–", "–", "< 50/s"]


def test_a_peer_that_failed_in_a_later_round_keeps_its_figures():
    found = comparison(round_of(160, 100, 80), round_of(120, 100))
    assert found.rate("litserve", FULL).median == 80
    assert "LitServe" in _text(found)


def test_warnings():
    disturbed = round_of(160, 100)
    disturbed.systems["triton"].closed[FULL.name] = run(100, client_cores=0.95, other_cores=0.6, refused=4)
    disturbed.systems["triton"].arrivals.append(arrivals(200, 0.2, lag_ms=55))
    client, others, errors, late, limit = report.warnings(comparison(replace(disturbed, cores_got=1.2)))
    assert client == "NVIDIA Triton: wrk was the bottleneck of a run; it used 0.95 of its one core."
    assert others == "NVIDIA Triton: other programs used 0.60 of 2 cores."
    assert errors == "NVIDIA Triton: 4 closed-loop requests were refused or failed."
    assert "up to 55 ms late" in late
    assert limit.startswith("the limit was measured with 1.20 of 2 cores")


def test_json_round_trip(found: Comparison, tmp_path: Path):
    path = tmp_path / "compare.json"
    path.write_text(json.dumps(found.as_dict()))
    assert Comparison.read(path) == found


def test_json_of_another_format_is_rejected(tmp_path: Path):
    path = tmp_path / "other.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match="machine"):
        Comparison.read(path)


def test_the_generated_block_is_replaced(found: Comparison, tmp_path: Path):
    page = tmp_path / "comparison.md"
    page.write_text(f"# Before\n\n{report.BLOCK.begin}\nold\n{report.BLOCK.end}\n\nafter\n")
    report.write_into(page, found)
    once = page.read_text()
    report.write_into(page, found)
    assert page.read_text() == once
    assert once.startswith("# Before\n")
    assert once.endswith("\n\nafter\n")
    assert "old" not in once
    assert "| Raylens | 150 | 150 | 150 | 120–160 | 75 % | 150 | 150 |" in once
    assert report.IMAGE in once


def test_the_documentation_has_the_markers():
    page = (DOCS / "comparison.md").read_text()
    assert page.count(report.BLOCK.begin) == page.count(report.BLOCK.end) == 1


def test_chart(found: Comparison, tmp_path: Path):
    path = tmp_path / "new" / "compare.png"
    charts.draw(found, path)
    with Image.open(path) as image:
        assert image.width > 1500
        assert len(image.convert("RGB").getcolors(1 << 20) or []) > 20
