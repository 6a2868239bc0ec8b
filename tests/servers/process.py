"""A server process that tests can stop, kill, freeze and restart on the same data and port."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import NoReturn

import pytest


def require(program: str, package: str) -> str:
    """The path of ``program``. If it is not installed, skips the test, or fails it if CI is set."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return path or missing(f"{program} is missing: apt-get install {package}")


def missing(message: str) -> NoReturn:
    """Skip the test, or fail it if CI is set."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    """A free port below the ephemeral range, so that no outgoing connection takes it while the server is stopped."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def default_hang_up() -> None:
    """Do not ignore SIGHUP, as processes do that a test run under nohup starts: for ``preexec_fn``."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class ServerProcess(ABC):
    """A server on 127.0.0.1. ``start`` returns when it responds, ``stop`` when it has exited."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line, for running in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server responds to a query."""

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self, timeout_s: float = 30.0) -> None:
        if self._process is not None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        # The guard kills the server when its stdin closes, which happens however this process ends.
        self._guard = subprocess.Popen(
            ["sh", "-c", f"read _; kill -9 {self._process.pid}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + timeout_s
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RuntimeError(f"{self.command()[0]} did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop the server, gracefully with SIGTERM or abruptly with SIGKILL."""
        if self._process is None or self._guard is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._guard.kill()
        self._guard.communicate()
        self._process = self._guard = None

    def pause(self) -> None:
        """Freeze the server, like a hanging host: connections stay open, nothing responds."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)
