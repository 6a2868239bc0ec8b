"""HAProxy: the program, and Ray's configuration as Raylens edits it."""

import os
import subprocess
from pathlib import Path

import pytest

from serve_app.cluster import haproxy
from serve_app.cluster.haproxy import HAProxyUnusable, find_haproxy, haproxy_flags, start_failure
from serve_app.cluster.listen_address import ListenAddress
from tests.servers.process import free_port

CONFIGURATION = """frontend prometheus
    bind :{metrics}
frontend http_frontend
    bind 127.0.0.1:{port}
backend default_backend
listen stats
  bind *:{statistics}
"""


def program(folder: Path, script: str, mode: int = 0o755) -> dict[str, str]:
    path = folder / "haproxy"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(mode)
    return {"RAY_SERVE_HAPROXY_BINARY_PATH": str(path)}


def message(environment: dict[str, str]) -> str:
    with pytest.raises(HAProxyUnusable) as caught:
        find_haproxy(environment)
    assert "\n" not in str(caught.value)
    assert "RAY_SERVE_HAPROXY_BINARY_PATH" in str(caught.value), "the remedy"
    return str(caught.value)


def test_the_program_of_the_package_runs() -> None:
    assert Path(find_haproxy({})).is_absolute()


def test_a_program_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is missing" in message({"RAY_SERVE_HAPROXY_BINARY_PATH": str(tmp_path / "none")})
    assert "Permission denied" in message(program(tmp_path, "", mode=0o644))
    assert "Permission denied" in message({"RAY_SERVE_HAPROXY_BINARY_PATH": str(tmp_path)})
    assert "exit status 3" in message(program(tmp_path, "exit 3"))
    assert "no libcrypt" in message(program(tmp_path, "echo first; echo no libcrypt >&2; exit 127"))
    assert "signal 11" in message(program(tmp_path, "kill -SEGV $$"))
    assert "fails" in message(program(tmp_path, "echo something else"))
    monkeypatch.setattr(haproxy, "_CHECK_TIMEOUT_S", 0.2)
    assert "does not respond within 0.2 s" in message(program(tmp_path, "exec sleep 60"))


@pytest.mark.parametrize("public_metrics", [0, 9999])
def test_only_the_service_is_reachable_from_other_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, public_metrics: int
) -> None:
    """Ray's configuration is edited by the script that Ray starts, and the real HAProxy accepts the result."""
    monkeypatch.delenv("RAY_SERVE_HAPROXY_METRICS_PORT", raising=False)
    port, metrics, statistics, ray = free_port(), free_port(), free_port(), free_port()
    known = {"RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics), "RAY_SERVE_HAPROXY_STATS_PORT": str(statistics)}
    checked = find_haproxy({})
    flags = haproxy_flags(tmp_path, checked, ListenAddress.resolve("0.0.0.0", port), known, (public_metrics, ray))
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(CONFIGURATION.format(port=port, metrics=metrics, statistics=statistics))
    command = [flags["RAY_SERVE_HAPROXY_BINARY_PATH"], "-c", "-f", str(configuration)]
    done = subprocess.run(command, env=os.environ | flags, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    bound = [line.split()[1] for line in configuration.read_text().splitlines() if line.split()[0] == "bind"]
    others = [f":{public_metrics}"] if public_metrics else []
    assert "option forwardfor" in configuration.read_text(), "the replicas count it as a proxy"
    assert flags[haproxy.FORWARDED_FOR] == "1"
    assert bound == [f"127.0.0.1:{metrics}", f"0.0.0.0:{port}", f"127.0.0.1:{statistics}", *others]


def test_a_configured_port_of_the_metrics_is_reachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_SERVE_HAPROXY_METRICS_PORT", "9101")
    known = {"RAY_SERVE_HAPROXY_METRICS_PORT": "9101", "RAY_SERVE_HAPROXY_STATS_PORT": "9102"}
    haproxy_flags(tmp_path, "haproxy", ListenAddress.resolve("127.0.0.1", free_port()), known, (0, 1))
    assert "9101" not in (tmp_path / "haproxy.sed").read_text()


def test_the_complaint_of_a_failed_start(tmp_path: Path) -> None:
    assert start_failure(tmp_path) is None
    (tmp_path / "node").mkdir()
    log = tmp_path / "node" / "s.123.1.stderr.log"
    log.write_text("[NOTICE]   (7) : haproxy version is 2.8\n")
    assert start_failure(tmp_path) is None
    ended = subprocess.Popen(["true"])
    ended.wait()
    with log.open("a") as more:
        more.write(f"[ALERT]    ({os.getpid()}) : a process that runs\n")
        more.write(f"[ALERT]    ({ended.pid}) : backend 'http-raylens' has no server available!\n")
    assert start_failure(tmp_path) is None
    with log.open("a") as more:
        more.write(
            f"[ALERT]    ({ended.pid}) : Binding [x.cfg:46] for frontend http_frontend: cannot bind socket (in use)\n"
        )
    assert start_failure(tmp_path) == "Binding [x.cfg:46] for frontend http_frontend: cannot bind socket (in use)"
