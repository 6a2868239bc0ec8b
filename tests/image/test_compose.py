"""compose.yaml and the Dockerfile are secure by default and consistent with the settings."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve_app.cluster.object_store import OBJECT_STORE_BYTES
from serve_app.settings import Settings
from tests.servers.prometheus import promtool

ROOT = Path(__file__).parents[2]
NEEDED = ("MYSQL_PASSWORD", "REDIS_PASSWORD", "RAYLENS_SECRET_KEY")
OF_THE_PROFILE = "GRAFANA_PASSWORD"
"""Checked by Grafana itself: Compose would require it even without the profile."""
WATCH = ROOT / "config" / "watch"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    document: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return document["services"]


def test_files_contain_no_secrets_and_every_secret_is_required() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for name in NEEDED:
        uses = re.findall(rf"\$\{{{name}[^}}]*\}}", text)
        assert uses, name
        assert all(":?" in use for use in uses), f"{name} must not be left out silently"
    example = (ROOT / "compose.env").read_text().splitlines()
    assert [line for line in example if not line.startswith("#")] == [f"{name}=" for name in (*NEEDED, OF_THE_PROFILE)]


def test_the_environment_has_only_known_settings(services: dict[str, dict[str, Any]]) -> None:
    given = services["raylens"]["environment"]
    names = {name.removeprefix("RAYLENS_").lower() for name in given if name.startswith("RAYLENS_")}
    assert names <= set(Settings.model_fields)
    assert {name for name in given if not name.startswith("RAYLENS_")} == {"RAY_SERVE_HAPROXY_METRICS_PORT"}


def test_only_the_loopback_interface_is_published(services: dict[str, dict[str, Any]]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {
        "raylens": ["${RAYLENS_PUBLISH:-127.0.0.1:8000}:8000"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


def test_every_service_is_hardened_and_has_a_health_check(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert "healthcheck" in service or name == "raylens", name
        assert ":" in service["image"] or "build" in service, f"{name}: which version?"
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()


def test_raylens_starts_after_its_servers_are_healthy(services: dict[str, dict[str, Any]]) -> None:
    waits = services["raylens"]["depends_on"]
    assert {name: wait["condition"] for name, wait in waits.items()} == dict.fromkeys(
        ("mysql", "redis"), "service_healthy"
    )


def test_the_servers_have_no_internet_access(services: dict[str, dict[str, Any]]) -> None:
    document = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert document["networks"]["inside"] == document["networks"]["watch"] == {"internal": True}
    assert "inside" not in services["prometheus"]["networks"] + services["grafana"]["networks"]
    assert services["mysql"]["networks"] == services["redis"]["networks"] == ["inside"]


def test_monitoring_is_an_opt_in_profile(services: dict[str, dict[str, Any]]) -> None:
    assert {name for name, service in services.items() if service.get("profiles") == ["watch"]} == {
        "prometheus",
        "grafana",
    }


def test_grafana_has_no_default_password(services: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    grafana = services["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_PASSWORD:-}"
    program = grafana["command"][0].replace("$$", "$").replace("/run.sh", "echo started")
    for password, status in (("", 1), ("hush", 0)):
        command = [*grafana["entrypoint"], program]
        done = subprocess.run(command, env={"GF_SECURITY_ADMIN_PASSWORD": password}, capture_output=True, check=False)
        assert (done.returncode, b"started" in done.stdout) == (status, status == 0)


def test_prometheus_scrapes_the_ports_of_raylens(services: dict[str, dict[str, Any]]) -> None:
    (job,) = yaml.safe_load((WATCH / "prometheus.yaml").read_text())["scrape_configs"]
    (group,) = job["static_configs"]
    environment = services["raylens"]["environment"]
    ports = (environment["RAYLENS_METRICS_PORT"], environment["RAY_SERVE_HAPROXY_METRICS_PORT"])
    assert group == {
        "targets": [f"raylens:{port}" for port in ports],
        "labels": {"app": "raylens", "component": "head"},
    }


def test_mounted_files_exist(services: dict[str, dict[str, Any]]) -> None:
    mounts = [volume for name in ("prometheus", "grafana") for volume in services[name]["volumes"]]
    files = [volume for volume in mounts if volume.startswith("./")]
    assert len(files) == 4
    for volume in files:
        place, _, mode = volume.split(":")
        assert (ROOT / place).exists(), place
        assert mode == "ro"
    (provider,) = yaml.safe_load((WATCH / "grafana/dashboards/raylens.yaml").read_text())["providers"]
    assert any(f":{provider['options']['path']}:" in volume for volume in files)


def test_the_prometheus_configuration_is_valid(tmp_path: Path) -> None:
    configuration = (WATCH / "prometheus.yaml").read_text()
    rules = ROOT / "kuberay/chart/files/rules"
    (tmp_path / "prometheus.yaml").write_text(configuration.replace("/etc/prometheus/rules", str(rules)))
    done = promtool("check", "config", tmp_path / "prometheus.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") >= 4


def test_shared_memory_holds_the_object_store(services: dict[str, dict[str, Any]]) -> None:
    assert int(services["raylens"]["shm_size"].removesuffix("gb")) << 30 > OBJECT_STORE_BYTES


def test_compose_accepts_the_file(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    command = [program, "--project-directory", str(tmp_path), "-f", str(tmp_path / "compose.yaml"), "config"]
    without = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=clean())
    assert "is missing in .env" in without.stderr
    (tmp_path / ".env").write_text("".join(f"{name}=x{number}\n" for number, name in enumerate(NEEDED)))
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=clean())
    assert outcome.returncode == 0, outcome.stderr
    environment = yaml.safe_load(outcome.stdout)["services"]["raylens"]["environment"]
    assert environment["RAYLENS_DATABASE_URL"] == "mysql+pymysql://raylens:x0@mysql/raylens"
    assert environment["RAYLENS_REDIS_URL"] == "redis://:x1@redis:6379/0"


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in NEEDED}


def test_the_image_runs_as_an_unprivileged_user() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    last = dockerfile.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", last, re.MULTILINE)
    assert 'CMD ["raylens", "serve"]' in last
    assert "RAYLENS_HOST=0.0.0.0" in last


def test_the_build_context_contains_no_secrets() -> None:
    """.dockerignore excludes everything that it does not name."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    let_in = {line[1:].partition("/")[0] for line in lines if line.startswith("!")}
    assert let_in == {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "requirements",
        "auth",
        "config",
        "frontend",
        "kuberay",
        "models",
        "serve_app",
    }
    assert "**/.env*" in lines
