import json
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner

from serve_app.cli.status import status_command
from serve_app.settings import settings
from tests.cli.api import Reply
from tests.servers.process import free_port

app = typer.Typer()
app.command()(status_command)

LIVE: dict[str, Any] = {
    "window_s": 60.0,
    "images_per_s": 141.5,
    "cache_hit_share": 0.25,
    "latency_ms": {"p50": 17.1, "p90": 30.0, "p99": 44.2},
    "queues": {"efficientnet-lite0": {"waiting": 7, "running": 32, "limit": 512}},
    "deployments": {"Classifier": {"status": "HEALTHY", "replicas": 3, "starting": 1}},
}


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


@pytest.fixture(autouse=True)
def ready(api):
    api.get["/api/health/ready"] = Reply(200, {"status": "degraded", "parts": {"cache": "degraded", "database": "ok"}})
    api.get["/api/v1/pipeline"] = Reply(200, LIVE)


def test_a_ready_service(api):
    result = run("--server", api.url)
    assert result.exit_code == 0, result.output
    for text in ("cache", "degraded", "Classifier", "HEALTHY", "3", "512", "141.5 images/s", "25%", "44.2 ms"):
        assert text in result.stdout


def test_a_starting_service(api):
    api.get["/api/health/ready"] = Reply(503, {"status": "starting", "parts": {"model:efficientnet-lite0": "starting"}})
    api.get["/api/v1/pipeline"] = Reply(503, {"code": "not_ready"})
    result = run("--server", api.url)
    assert result.exit_code == 1
    assert "Raylens is starting." in result.stdout


def test_an_idle_service(api):
    idle = LIVE | {"images_per_s": 0.0, "latency_ms": {"p50": None, "p90": None, "p99": None}}
    api.get["/api/v1/pipeline"] = Reply(200, idle)
    result = run("--server", api.url)
    assert result.exit_code == 0
    assert "None" not in result.stdout


def test_the_json_output(api):
    output = json.loads(run("--server", api.url, "--json").stdout)
    assert output["ready"] is True
    assert output["health"]["parts"]["cache"] == "degraded"
    assert output["pipeline"] == LIVE


def test_an_unreachable_server(api):
    result = run("--server", f"127.0.0.1:{free_port()}")
    assert result.exit_code == 3
    assert "raylens serve" in result.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "localhost"])
def test_the_server_of_the_settings(api, monkeypatch, host):
    monkeypatch.setenv("RAYLENS_HOST", host)
    monkeypatch.setenv("RAYLENS_PORT", str(httpx.URL(api.url).port))
    settings.cache_clear()
    assert run().exit_code == 0


def test_another_server(api):
    api.get["/api/health/ready"] = Reply(200, b"<html>")
    result = run("--server", api.url)
    assert result.exit_code == 3
    assert "not Raylens" in result.stderr
