"""Rules and dashboards: the chart includes the files of its folders unchanged."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.kuberay.chart import CHART, EKS, Helm, Manifest, one

RULE = {
    "groups": [
        {
            "name": "raylens",
            "rules": [
                {
                    "alert": "QueueFull",
                    "expr": "ray_raylens_queue_images > 200",
                    "annotations": {"summary": "{{ $labels.deployment }} has {{ $value }} waiting"},
                }
            ],
        }
    ]
}
DASHBOARD = {"title": "Raylens", "panels": [{"legendFormat": "{{deployment}}"}]}


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A copy of the chart with a rule and a dashboard."""
    copy = tmp_path / "chart"
    shutil.copytree(CHART, copy)
    for kind in ("rules", "dashboards"):
        (copy / "files" / kind).mkdir(exist_ok=True)
    (copy / "files" / "rules" / "overload.yaml").write_text(yaml.safe_dump(RULE))
    (copy / "files" / "dashboards" / "overview.json").write_text(json.dumps(DASHBOARD))
    return copy


def test_files_are_included_unchanged(each_helm: Helm, chart: Path) -> None:
    manifests = each_helm.template(EKS, chart=chart)
    assert one(manifests, "PrometheusRule", "raylens-overload")["spec"] == RULE
    dashboard = one(manifests, "ConfigMap", "raylens-dashboard-overview")
    assert json.loads(dashboard["data"]["overview.json"]) == DASHBOARD
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_monitoring_off(helm: Helm, chart: Path) -> None:
    values = EKS.having(monitoring__enabled=False, monitoring__dashboards__enabled=False)
    kinds = {manifest["kind"] for manifest in helm.template(values, chart=chart)}
    assert not kinds & {"PodMonitor", "PrometheusRule", "ConfigMap"}


def test_selector_labels(helm: Helm, chart: Path) -> None:
    values = EKS.having(monitoring__labels={"release": "prometheus"})
    chosen: list[Manifest] = [
        manifest
        for manifest in helm.template(values, chart=chart)
        if manifest["kind"] in {"PodMonitor", "PrometheusRule"}
    ]
    assert len(chosen) >= 2
    assert all(manifest["metadata"]["labels"]["release"] == "prometheus" for manifest in chosen)


def test_targets_have_the_labels_of_the_rules(helm: Helm) -> None:
    endpoints = one(helm.template(EKS), "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert {"metrics", "haproxy"} <= {endpoint["port"] for endpoint in endpoints}
    for endpoint in endpoints:
        given = {step["targetLabel"]: step.get("replacement") for step in endpoint["relabelings"]}
        assert given["app"] == "raylens"
        assert {"component", "ray_io_cluster"} <= set(given)


def test_runbook_address(helm: Helm) -> None:
    address = "https://git.example.org/runbooks"
    manifests = helm.template(EKS.having(monitoring__runbooks=address))
    texts = [json.dumps(m) for m in manifests if m["kind"] in {"PrometheusRule", "ConfigMap"}]
    assert len(texts) >= 7
    assert all(f"{address}#raylens" in text and "docs/runbooks.md" not in text for text in texts)


def test_the_charts_files_are_included(helm: Helm) -> None:
    manifests = helm.template(EKS)
    assert {m["metadata"]["name"] for m in manifests if m["kind"] == "PrometheusRule"} == {
        f"raylens-{path.stem}" for path in (CHART / "files" / "rules").glob("*.yaml")
    }
    assert {m["metadata"]["name"] for m in manifests if m["kind"] == "ConfigMap"} == {
        f"raylens-dashboard-{path.stem}" for path in (CHART / "files" / "dashboards").glob("*.json")
    }
