"""Rules and dashboards: the chart takes what lies in its folders, as it is."""

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


def test_rules_and_dashboards_are_taken_as_they_are(each_helm: Helm, chart: Path) -> None:
    manifests = each_helm.template(EKS, chart=chart)
    assert one(manifests, "PrometheusRule", "raylens-overload")["spec"] == RULE
    dashboard = one(manifests, "ConfigMap", "raylens-dashboard-overview")
    assert json.loads(dashboard["data"]["overview.json"]) == DASHBOARD
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_without_the_operator_there_are_none(helm: Helm, chart: Path) -> None:
    values = EKS.having(monitoring__enabled=False, monitoring__dashboards__enabled=False)
    kinds = {manifest["kind"] for manifest in helm.template(values, chart=chart)}
    assert not kinds & {"PodMonitor", "PrometheusRule", "ConfigMap"}


def test_the_labels_that_select_them_can_be_set(helm: Helm, chart: Path) -> None:
    values = EKS.having(monitoring__labels={"release": "prometheus"})
    chosen: list[Manifest] = [
        manifest
        for manifest in helm.template(values, chart=chart)
        if manifest["kind"] in {"PodMonitor", "PrometheusRule"}
    ]
    assert len(chosen) >= 2
    assert all(manifest["metadata"]["labels"]["release"] == "prometheus" for manifest in chosen)
