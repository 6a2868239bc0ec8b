"""From a description (see ``dashboards/overview.yaml``) to the JSON of a Grafana dashboard, one panel after the other.

A description has rows of panels; a panel has queries (legend → PromQL) and of the following what it needs: ``kind``
(timeseries, stat, table), ``unit`` (Grafana's name of it), ``width`` of 24 and ``height``, ``stack``, ``max``,
``thresholds`` (colour → from which value on), ``description``, ``runbook`` (an anchor of docs/runbooks.md).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Final

import yaml

DESCRIPTIONS: Final = Path(__file__).parent / "dashboards"
CHART: Final = Path(__file__).parents[1] / "chart" / "files" / "dashboards"
RUNBOOKS: Final = "docs/runbooks.md"
"""The chart puts an address in its place, where it knows one."""
SCHEMA_VERSION: Final = 39
"""Of Grafana 10 and later; newer ones bring it up to date when they load it."""

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
Json = dict[str, Any]


def written() -> dict[Path, str]:
    """Every dashboard's file and its text."""
    return {CHART / f"{path.stem}.json": text_of(path) for path in sorted(DESCRIPTIONS.glob("*.yaml"))}


def text_of(description: Path) -> str:
    document = yaml.safe_load(description.read_text())
    return json.dumps(dashboard(description.stem, document), indent=2, ensure_ascii=False) + "\n"


def dashboard(name: str, document: Json) -> Json:
    """``name``: of the file, and for good part of the dashboard's address."""
    return {
        "uid": f"raylens-{name}",
        "title": document["title"],
        "description": document["description"],
        "tags": ["raylens"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": [_alerts()]},
        "links": [_siblings()],
        "templating": {"list": list(_variables(document.get("variables", {})))},
        "panels": list(_panels(document["rows"])),
    }


def _alerts() -> Json:
    """A line in every graph where an alert begins."""
    return {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertname=~"Raylens.+", alertstate="firing", job=~"$job|"}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{severity}}",
        "step": "60s",
    }


def _siblings() -> Json:
    return {
        "type": "dashboards",
        "title": "Raylens",
        "tags": ["raylens"],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _variables(further: dict[str, Json]) -> Iterator[Json]:
    yield {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1}
    yield _variable("job", "Installation", "label_values(ray_raylens_build_info, job)")
    for name, variable in further.items():
        yield _variable(name, variable["label"], variable["query"]) | {
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }


def _variable(name: str, label: str, query: str) -> Json:
    """Its values are the label's of a metric. The installation is ``namespace/release`` on Kubernetes."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
    }


def _panels(rows: list[Json]) -> Iterator[Json]:
    number, y = 0, 0
    for row in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row["title"],
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
            "panels": [],
        }
        y += 1
        x = tallest = 0
        for panel in row["panels"]:
            number += 1
            width, height = panel.get("width", 8), panel.get("height", 8)
            if x + width > 24:
                x, y, tallest = 0, y + tallest, 0
            yield {"id": number, "gridPos": {"x": x, "y": y, "w": width, "h": height}} | _panel(panel)
            x, tallest = x + width, max(tallest, height)
        y += tallest


def _panel(panel: Json) -> Json:
    kind = panel.get("kind", "timeseries")
    description = panel["description"]
    if anchor := panel.get("runbook"):
        description += f"\n\n[What to do]({RUNBOOKS}#{anchor})"
    return {
        "type": kind,
        "title": panel["title"],
        "description": description,
        "datasource": SOURCE,
        "targets": list(_targets(panel["queries"], kind)),
        "fieldConfig": {"defaults": _defaults(panel, kind), "overrides": []},
        "options": OPTIONS[kind],
        "transformations": TRANSFORMATIONS if kind == "table" else [],
    }


def _targets(queries: dict[str, str], kind: str) -> Iterator[Json]:
    for letter, (legend, expression) in zip(ascii_uppercase, queries.items(), strict=False):
        table = {"format": "table", "instant": True, "range": False}
        yield {
            "refId": letter,
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": " ".join(expression.split()),
            "legendFormat": legend,
        } | (table if kind == "table" else {"range": True})


def _defaults(panel: Json, kind: str) -> Json:
    thresholds = panel.get("thresholds", {})
    steps = [{"color": "green", "value": None}]
    steps += [{"color": colour, "value": value} for colour, value in thresholds.items()]
    if panel.get("falling"):  # what is too little
        steps = [{"color": "red", "value": None}, *({"color": c, "value": v} for c, v in thresholds.items())]
    defaults: Json = {"unit": panel.get("unit", "short"), "thresholds": {"mode": "absolute", "steps": steps}}
    if "max" in panel:
        defaults["max"] = panel["max"]
    if kind == "timeseries":
        defaults |= {"min": 0, "custom": _line(panel), "color": {"mode": "palette-classic"}}
    return defaults


def _line(panel: Json) -> Json:
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if panel.get("stack") else 5,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.get("stack") else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if panel.get("thresholds") else "off"},
    }


OPTIONS: Final[dict[str, Json]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    },
    "table": {"showHeader": True, "frameIndex": 0, "cellHeight": "sm"},
}

TRANSFORMATIONS: Final = [
    {"id": "organize", "options": {"excludeByName": {"Time": True, "Value": True, "__name__": True}}}
]
