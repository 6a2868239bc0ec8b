"""HAProxy: the program, and why it did not start."""

import os
import subprocess
from pathlib import Path

import pytest

from serve_app.cluster import haproxy
from serve_app.cluster.haproxy import HAProxyUnusable, find_haproxy, start_failure


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
