"""A real Raylens for tests: a ``raylens serve`` process with its own Ray, data folder and port."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from serve_app.cluster.serve_config import default_path
from tests.servers.process import free_port

START_S = 120.0
STOP_S = 60.0
SHARED_DATA = Path(__file__).parent.parent / ".raylens"
"""Model artifacts are the same for all tests, so they are built only once, here."""


def inherited_environment() -> dict[str, str]:
    """The environment of the tests without the settings of Raylens, Ray and pytest."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("RAYLENS_", "RAY_", "PYTEST"))}


class Service:
    """Starts, stops and inspects a service. ``change`` edits the Serve configuration before the start."""

    def __init__(
        self, folder: Path, change: Callable[[dict[str, Any]], None] | None = None, **environment: str
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "serve.log"
        self._environment = environment
        self.addresses: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None
        document = yaml.safe_load(default_path().read_text())
        if change:
            change(document["applications"][0])
        self._config = folder / "serve.yaml"
        self._config.write_text(yaml.safe_dump(document))
        data = folder / "data"
        data.mkdir(exist_ok=True)
        SHARED_DATA.joinpath("artifacts").mkdir(parents=True, exist_ok=True)
        if not (data / "artifacts").exists():
            (data / "artifacts").symlink_to(SHARED_DATA / "artifacts")

    def start(self) -> None:
        """Returns when every model is warm."""
        command = [sys.executable, "-m", "serve_app.cli.main", "serve", "--json", "--port", str(self.port)]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*command, "--config", str(self._config)],
                env=self._settings(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
            )
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the service did not start:\n{self.log.read_text()[-4000:]}"
        self.addresses = json.loads(line)
        assert self.addresses["web"]

    def stop(self) -> None:
        """Stop it like Ctrl-C; fails if a process remains."""
        if self._process is None:
            return
        processes = self.processes()
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(STOP_S)
        _, remaining = psutil.wait_procs(processes, timeout=10)
        for process in remaining:
            process.kill()
        assert self._process.stdout
        self._process.stdout.close()
        self._process = None
        assert code == 0, self.log.read_text()[-4000:]
        assert not remaining, f"still running: {[process.cmdline() for process in remaining if process.is_running()]}"

    def processes(self) -> list[psutil.Process]:
        """All processes of this service: Ray, HAProxy and the replicas."""
        assert self._process
        return psutil.Process(self._process.pid).children(recursive=True)

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """The processes of the replicas of one deployment, e.g. ``Classifier``."""
        prefix = f"ray::ServeReplica:raylens:{deployment}"
        found = []
        for process in self.processes():
            try:
                title = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if title.startswith(prefix) and title[len(prefix) : len(prefix) + 1] in {"", ".", " "}:
                found.append(process)
        return found

    def memory(self) -> dict[str, int]:
        """Resident bytes by process; reading the private ones instead would take too long."""
        used = {}
        for process in self.processes():
            try:
                used[f"{process.name()} {process.pid}"] = process.memory_info().rss
            except psutil.Error:
                continue
        return used

    def kill(self, deployment: str) -> int:
        """SIGKILL one replica and return its process id."""
        victim = self.replicas(deployment)[0]
        victim.kill()
        return victim.pid

    def run(self, *arguments: str, stdin: str = "") -> str:
        """The output of a ``raylens`` command with the settings of this service."""
        command = [sys.executable, "-m", "serve_app.cli.main", *arguments]
        result = subprocess.run(
            command, env=self._settings(), input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def _settings(self) -> dict[str, str]:
        return inherited_environment() | {"RAYLENS_DATA_DIR": str(self.folder / "data")} | self._environment

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/api/health/ready", timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise AssertionError("the service is not ready")
