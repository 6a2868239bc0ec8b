"""Runs a peer: starts it in its environment, waits until it is ready, and stops all of its processes."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
import psutil

from benchmarks.command import ROOT
from benchmarks.peers.catalogue import Peer
from benchmarks.peers.engine import PeerConfig
from benchmarks.peers.request_format import Answer

START_S: Final = 180.0
STOP_S: Final = 30.0
REQUEST_S: Final = 60.0
LOG_END: Final = 2000


class PeerFailed(RuntimeError):
    """The peer did not start or respond as expected; the message says how."""


class PeerServer:
    """Context manager that starts the peer and waits for the first response."""

    def __init__(self, peer: Peer, python: Path, config: PeerConfig, photo: bytes) -> None:
        """``python``: interpreter of the peer's environment. ``config`` includes port and folder."""
        self.peer = peer
        self.url = f"http://127.0.0.1:{config.port}"
        self.start_s = 0.0
        """From the command to the first response, seconds."""
        self._python = python
        self._config = config
        self._photo = photo
        self._log = Path(config.folder, "server.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(timeout=REQUEST_S, trust_env=False)

    def __enter__(self) -> Self:
        started = time.perf_counter()
        try:
            self._start()
            self._await_answer(started + START_S)
        except BaseException:
            self._stop()
            raise
        self.start_s = time.perf_counter() - started
        return self

    def _start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "RAYLENS_"))}
        environment = kept | self._config.environment() | {"PYTHONPATH": str(ROOT), "VIRTUAL_ENV": ""}
        command = [str(self._python), "-m", f"benchmarks.peers.servers.{self.peer.module}"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT
            )

    def _await_answer(self, until: float) -> None:
        while time.perf_counter() < until:
            if self._process is None or self._process.poll() is not None:
                raise PeerFailed(f"it terminated during start-up:\n{self.log_end()}")
            with contextlib.suppress(httpx.TransportError):
                if self._client.get(self.url + self.peer.ready).is_success:
                    self.classify(self._photo)
                    return
            time.sleep(0.1)
        raise PeerFailed(f"it was not ready within {START_S:.0f} s:\n{self.log_end()}")

    def classify(self, photo: bytes) -> Answer:
        """Raises PeerFailed or httpx.TransportError. Thread-safe."""
        request_format = self.peer.request_format
        headers = {"Content-Type": request_format.content_type}
        if request_format.header:
            name, _, value = request_format.header.partition(": ")
            headers[name] = value
        response = self._client.post(self.url + self.peer.path, content=request_format.encode(photo), headers=headers)
        if not response.is_success:
            raise PeerFailed(f"it returned {response.status_code}: {response.text[:300]}\n{self.log_end()}")
        try:
            return request_format.decode(response.content, dict(response.headers))
        except (ValueError, LookupError, TypeError) as error:
            raise PeerFailed(f"its response cannot be parsed ({error!r}): {response.content[:300]!r}") from None

    def log_end(self) -> str:
        return self._log.read_text(errors="replace")[-LOG_END:]

    def processes(self) -> list[psutil.Process]:
        """All processes of the peer."""
        if self._process is None:
            return []
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        """Send SIGINT; kill the processes that remain after a timeout."""
        self._client.close()
        if self._process is None:
            return
        processes = self.processes() if self._process.poll() is None else []
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        for process in psutil.wait_procs(processes, timeout=5)[1]:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.wait(STOP_S)


def free_port_pair() -> int:
    """The first of two consecutive free ports on the loopback interface."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port
