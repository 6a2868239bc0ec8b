"""A real Prometheus scrapes the running service: every query of the dashboards and alerts returns data."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.file_server import file_server
from tests.e2e.images import JPEG, URL, random_jpeg
from tests.servers.prometheus import Prometheus
from tests.service import Service

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
FILES = ROOT / "kuberay" / "chart" / "files"
JOB = "raylens"

PANELS_WITHOUT_DATA = {
    "Container restarts": "kube-state-metrics exists on Kubernetes only",
    "Firing alerts": "none is firing",
}
"""Panels without data on one machine, with the reason."""


def send_requests(client: httpx.Client, folder: Path, seed: int) -> None:
    """Requests of all kinds: new, cached and corrupt images, a URL, a failed sign-in. Each seed gives new images."""
    (folder / "a.jpg").write_bytes(random_jpeg(seed))
    with file_server(folder) as base:
        client.post(URL, json={"image_url": f"{base}/a.jpg"})
    for number in (seed + 1, seed + 1, seed + 2):
        client.post(URL, content=random_jpeg(number), headers=JPEG)
    client.post(URL, content=b"no image")
    client.post("/api/auth/token/login/", json={"username": "nobody", "password": "wrong password"})


@pytest.fixture(scope="module")
def prometheus(
    service: Service, client: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that has scraped requests of all kinds twice, so that rates exist."""
    folder = tmp_path_factory.mktemp("prometheus")
    labels = {"app": "raylens", "component": "head", "job": JOB}
    targets = [(httpx.URL(service.addresses[name]).netloc.decode(), labels) for name in ("metrics", "proxy_metrics")]
    server = Prometheus(folder, targets, sorted((FILES / "rules").glob("*.yaml")))
    send_requests(client, folder, seed=9400)
    server.start()
    # An increase requires an earlier scrape of the counter, from every target.
    seen = f"sum(up) == {len(targets)}"
    wait_for(server, f"{seen} and count(ray_raylens_request_ms_count) > 1 and count(ray_raylens_fetch_ms_count) > 0")
    send_requests(client, folder, seed=9500)
    wait_for(server, 'sum(increase(ray_raylens_request_ms_count{outcome="miss"}[1m])) > 0')
    wait_for(server, "raylens:requests:failed_ratio1h >= 0 and raylens:images:slow_ratio1h >= 0")
    yield server
    server.stop()


def wait_for(server: Prometheus, expression: str, timeout_s: float = 60.0) -> list[dict[str, Any]]:
    """The series of an expression once there are any; a late scrape may make them stale for a moment."""
    deadline = time.monotonic() + timeout_s
    while not (series := server.query(expression)):
        assert time.monotonic() < deadline, f"no data: {expression}"
        time.sleep(0.1)
    return series


PANELS = {
    f"{path.stem}: {panel['title']}": {
        target["legendFormat"]: target["expr"]
        .replace("$__rate_interval", "1m")
        .replace("$instance", ".*")
        .replace("$job", JOB)
        for target in panel["targets"]
    }
    for path in sorted((FILES / "dashboards").glob("*.json"))
    for panel in json.loads(path.read_text())["panels"]
    if "targets" in panel
}
"""The queries of each panel by legend, with Grafana's variables replaced."""


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_has_data(prometheus: Prometheus, panel: str) -> None:
    for legend, expression in PANELS[panel].items():
        if panel.partition(": ")[2] in PANELS_WITHOUT_DATA:
            assert prometheus.query(expression) == [], "this panel has data: remove it from PANELS_WITHOUT_DATA"
            continue
        series = wait_for(prometheus, expression, timeout_s=20.0)
        for label in re.findall(r"{{(\w+)}}", legend):
            assert any(one["metric"].get(label) for one in series), f"no {label} for the legend"


def test_no_alert_is_pending_or_firing(prometheus: Prometheus) -> None:
    """And Prometheus can evaluate every rule."""
    wait_for(prometheus, "min(up) == 1")
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 25
    assert {rule["name"]: rule["lastError"] for rule in rules if rule["health"] == "err"} == {}
    deadline = time.monotonic() + 20  # a late scrape makes alerts pending for a moment
    while active := active_alerts(prometheus):
        assert time.monotonic() < deadline, f"active: {active}"
        time.sleep(0.2)


def active_alerts(prometheus: Prometheus) -> list[str]:
    rules = (rule for group in prometheus.get("rules")["groups"] for rule in group["rules"])
    return [rule["name"] for rule in rules if rule.get("state", "inactive") != "inactive"]


def test_recorded_ratios_are_between_0_and_1(prometheus: Prometheus) -> None:
    for name in ("raylens:requests:failed_ratio5m", "raylens:images:slow_ratio5m"):
        (share,) = wait_for(prometheus, name)
        assert share["metric"]["job"] == JOB
        assert 0 <= float(share["value"][1]) < 1


def metrics_in_rules() -> set[str]:
    expressions = [
        rule["expr"]
        for path in (FILES / "rules").glob("*.yaml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]
    return {name for expression in expressions for name in re.findall(r"\b(?:ray|haproxy)_\w+", expression)}


def test_metrics_in_alerts_and_docs_exist(prometheus: Prometheus) -> None:
    """The metrics of the dashboards are tested by their data."""
    metrics = set(prometheus.get("label/__name__/values"))
    metrics |= {name.removesuffix("_bucket") for name in metrics}
    named = metrics_in_rules()
    for page in ("monitoring.md", "runbooks.md", "operations.md", "scaling.md"):
        named |= set(re.findall(r"`((?:ray_raylens|ray_serve|ray_node|haproxy)_[a-z_]+)`", text_of(page)))
    assert named - metrics == set()


def text_of(page: str) -> str:
    path = ROOT / "docs" / page
    return path.read_text() if path.exists() else ""


def test_every_raylens_metric_is_documented(prometheus: Prometheus) -> None:
    text = text_of("monitoring.md")
    ours = {name for name in prometheus.get("label/__name__/values") if name.startswith("ray_raylens_")}
    plain = {re.sub(r"_(bucket|count|sum)$", "", name) for name in ours}
    assert {name for name in plain if f"`{name}`" not in text} == set()
