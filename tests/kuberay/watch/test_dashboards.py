"""The dashboards: written anew from their descriptions, complete, and of Grafana's own types."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from kuberay.watch.grafana import CHART, written
from tests.kuberay.programs import ROOT
from tests.kuberay.watch.typescript import faults

WRITTEN = written()
DASHBOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(text) for path, text in WRITTEN.items()}
PANELS = [
    (f"{name}: {panel['title']}", panel)
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]


def test_the_chart_has_them_as_they_are_described() -> None:
    """``python -m kuberay.watch`` writes them."""
    assert {path.name: path.read_text() for path in CHART.glob("*.json")} == {
        path.name: text for path, text in WRITTEN.items()
    }


def test_there_are_four_and_each_has_an_address() -> None:
    assert {name: dashboard["uid"] for name, dashboard in DASHBOARDS.items()} == {
        name: f"raylens-{name}" for name in ("overview", "pipeline", "ray", "stores")
    }


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=[name for name, _ in PANELS])
def test_a_panel_says_what_it_shows(name: str, panel: dict[str, Any]) -> None:
    assert len(panel["description"]) > 8
    assert panel["targets"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    for anchor in re.findall(r"runbooks\.md#(\w+)", panel["description"]):
        assert re.search(rf"^## {anchor}$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARDS[name]["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=[name for name, _ in PANELS])
def test_a_query_asks_for_one_installation(name: str, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        for selector in re.findall(r"\b(?:ray_|haproxy_|raylens:|up\b|ALERTS)[\w:]*({[^}]*})?", target["expr"]):
            assert re.search(r'job=~?"\$job', selector), target["expr"]


def test_they_are_of_grafanas_types(tmp_path: Path) -> None:
    for path, text in WRITTEN.items():
        (tmp_path / path.name).write_text(text)
    assert faults(tmp_path) == ""


def test_grafanas_types_refuse_what_is_wrong(tmp_path: Path) -> None:
    """Else the test above proves nothing."""
    dashboard = json.loads(json.dumps(DASHBOARDS["overview"]))
    panel = next(panel for panel in dashboard["panels"] if panel["type"] == "timeseries")
    panel["options"]["tooltip"]["mode"] = "everything"
    (tmp_path / "wrong.json").write_text(json.dumps(dashboard))
    shutil.copy(CHART / "stores.json", tmp_path)
    assert "everything" in faults(tmp_path)
