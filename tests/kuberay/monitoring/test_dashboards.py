"""Grafana dashboards of the chart: complete, without overlaps, and valid by Grafana's own types."""

import json
import re
from pathlib import Path
from typing import Any

from tests.kuberay.chart import CHART
from tests.kuberay.monitoring.typescript import type_errors
from tests.kuberay.programs import ROOT

FOLDER = CHART / "files" / "dashboards"
DASHBOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
RUNBOOKS = (ROOT / "docs/runbooks.md").read_text()
PANELS = {
    f"{name}: {panel['title']}": panel
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
}


def test_every_dashboard_has_a_stable_address() -> None:
    assert {name: dashboard["uid"] for name, dashboard in DASHBOARDS.items()} == {
        name: f"raylens-{name}" for name in ("overview", "pipeline", "ray", "stores")
    }


def test_titles_and_ids_are_unique() -> None:
    for dashboard in DASHBOARDS.values():
        for key in ("id", "title"):
            values = [panel[key] for panel in dashboard["panels"] if panel["type"] != "row"]
            assert len(values) == len(set(values)), values


def test_every_panel_has_a_description_a_unit_and_an_existing_runbook() -> None:
    for title, panel in PANELS.items():
        assert len(panel["description"]) > 8, title
        assert panel["targets"], title
        assert panel["fieldConfig"]["defaults"]["unit"], title
        for anchor in re.findall(r"runbooks\.md#(\w+)", panel["description"]):
            assert re.search(rf"^## {anchor}$", RUNBOOKS, re.MULTILINE | re.IGNORECASE), title


def test_panels_do_not_overlap() -> None:
    for dashboard in DASHBOARDS.values():
        taken: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, panel["title"]
            assert max(x for x, _ in cells) < 24
            taken |= cells


def test_every_query_selects_one_installation() -> None:
    for title, panel in PANELS.items():
        for target in panel["targets"]:
            for selector in re.findall(r"\b(?:ray_|haproxy_|raylens:|up\b|ALERTS)[\w:]*({[^}]*})?", target["expr"]):
                assert re.search(r'job=~?"\$job', selector), (title, target["expr"])


def test_dashboards_conform_to_grafanas_types(tmp_path: Path) -> None:
    """A wrong value is found as well; otherwise the check would prove nothing."""
    wrong = json.loads((FOLDER / "overview.json").read_text())
    panel = next(panel for panel in wrong["panels"] if panel["type"] == "timeseries")
    panel["options"]["tooltip"]["mode"] = "everything"
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    for path in FOLDER.glob("*.json"):
        (tmp_path / path.name).write_text(path.read_text())
    errors = type_errors(tmp_path)
    assert "everything" in errors
    assert set(re.findall(r"(\w+)\.ts\(", errors)) == {"wrong"}, errors
