"""A node of a Ray cluster: ``ray start`` with KubeRay's arguments. Its process tree represents a pod."""

import contextlib
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
"""Kills the node when its standard input closes, which happens however the test process ends."""


class Node:
    """``ray start --block``, the first process of a pod, and its descendants."""

    def __init__(self, log: Path, folder: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """``folder``: for HAProxy's sockets, so its path must be short. ``arguments``: of ``ray start``."""
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
        """Does not wait until the node is ready."""
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
        """All processes of the pod; none if it has ended."""
        if self._process is None or self._process.poll() is not None:
            return []
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def kill(self) -> None:
        """SIGKILL all processes at once, like the loss of a machine."""
        tree = self.processes()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._reap(tree)

    def terminate(self, timeout_s: float) -> float:
        """SIGTERM the first process, like the deletion of a pod; returns the seconds until it has ended."""
        assert self._process
        tree = self.processes()
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout_s)
        took_s = time.monotonic() - started
        self._reap(tree)
        return took_s

    def _reap(self, tree: list[psutil.Process]) -> None:
        _, left = psutil.wait_procs(tree, timeout=10)
        for process in left:
            process.kill()
        if self._process and self._guard:
            self._process.wait()
            self._guard.kill()
            self._guard.communicate()
        self._process = self._guard = None
