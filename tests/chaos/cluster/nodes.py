"""A node of a Ray cluster on this machine: ``ray start`` with what KubeRay gives it, a tree of processes for a pod."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from tests.servers.process import free_port

GUARD: Final = """
import sys, psutil
node = psutil.Process(int(sys.argv[1]))
sys.stdin.read()
for process in [node, *node.children(recursive=True)]:
    process.kill()
"""
"""Its standard input ends when the tests die, however they die; then the node goes, too."""


class Node:
    """``ray start --block``, which is a pod's first process, and all that comes of it."""

    def __init__(self, log: Path, folder: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """``folder``: for HAProxy's sockets, whose paths may not be long. ``arguments``: of ``ray start``."""
        self.http_port = free_port()
        self.log = log
        self._arguments = arguments
        self._environment = {
            **environment,
            "RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(self.http_port),
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns at once."""
        ports = {
            "metrics-export-port": free_port(),
            "dashboard-agent-listen-port": free_port(),
            "min-worker-port": 0,
            "max-worker-port": 0,
        }
        options = [f"--{name}={port}" for name, port in ports.items()]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [str(Path(sys.executable).with_name("ray")), "start", "--block", *options, *self._arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            [sys.executable, "-c", GUARD, str(self._process.pid)], stdin=subprocess.PIPE, start_new_session=True
        )

    def processes(self) -> list[psutil.Process]:
        """Of the whole pod."""
        if self._process is None or self._process.poll() is not None:
            return []
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def kill(self) -> None:
        """As the loss of a machine: SIGKILL for everything at once."""
        family = self.processes()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._forget(family)

    def terminate(self, timeout_s: float) -> float:
        """As the end of a pod: SIGTERM for its first process. The seconds it took."""
        assert self._process
        family = self.processes()
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout_s)
        took_s = time.monotonic() - started
        self._forget(family)
        return took_s

    def _forget(self, family: list[psutil.Process]) -> None:
        _, left = psutil.wait_procs(family, timeout=10)
        for process in left:
            process.kill()
        if self._process and self._guard:
            self._process.wait()
            self._guard.kill()
            self._guard.communicate()
        self._process = self._guard = None


def inherited() -> dict[str, str]:
    """The environment of whoever runs the tests, without what concerns Ray and Raylens."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("RAYLENS_", "RAY_", "PYTEST"))}
