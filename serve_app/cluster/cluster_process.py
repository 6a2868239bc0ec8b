"""Starts the process that runs Ray, and ends it with everything that it started."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

from serve_app.cluster.ray_cluster import DRAIN_TIMEOUT_S, ClusterFailed
from serve_app.cluster.run_folder import RunFolder
from serve_app.cluster.runner import STOP, ServiceJob

RAY_TIMEOUT_S: Final = 150.0
"""For Ray's own processes. Ray gives up after 30 s if one of them ends, but not always if one hangs."""
_STOP_TIMEOUT_S: Final = DRAIN_TIMEOUT_S + 25.0
_POLL_S: Final = 0.2
_EXIT_TIMEOUT_S: Final = 5.0
_RUNNER: Final = [sys.executable, "-P", "-m", "serve_app.cluster.runner"]
"""Without the working folder on the search path: its files must not replace modules."""

_Event = dict[str, Any]


class ClusterProcess:
    """The process of :mod:`serve_app.cluster.runner`. It imports Ray at once; :meth:`start` starts the service."""

    def __init__(self, folder: RunFolder, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._events: queue.Queue[_Event | None] = queue.Queue()
        self._is_over = False
        self.dashboard_url: str | None = None
        self._stderr = os.fdopen(os.dup(2), "w")
        with (folder.path / "runner.log").open("a") as log:
            self._process = subprocess.Popen(  # noqa: S603 - no user input
                _RUNNER,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                umask=0o077,  # what Ray and the replicas write, such as records and logs, is for this user only
                # The signals of the terminal are for `raylens serve`, which ends this process in an orderly way.
                start_new_session=True,
                pass_fds=(self._stderr.fileno(), folder.lock),
            )
        self._input: IO[str] = self._process.stdin  # type: ignore[assignment]
        self._output: IO[str] = self._process.stdout  # type: ignore[assignment]
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def log_descriptor(self) -> int:
        """Standard error of this process, which the runner inherits under the same number."""
        return self._stderr.fileno()

    def start(
        self,
        job: ServiceJob,
        *,
        on_progress: Callable[[int, int], None],
        stopping: Callable[[], bool],
        timeout_s: float,
    ) -> bool:
        """Wait until the service is ready: True; or until ``stopping()``: False. Raises ClusterFailed."""
        self._send(job.to_line())
        begun = time.monotonic()
        started = False
        while not stopping():
            event = self._next()
            if "ready" in event:
                return True
            if "started" in event:
                started = True
                self.dashboard_url = event["dashboard"]
            if "running" in event:
                on_progress(event["running"], event["wanted"])
            elapsed = time.monotonic() - begun
            if elapsed > timeout_s:
                raise ClusterFailed(f"the service is not ready after {timeout_s:g} s")
            if not started and elapsed > RAY_TIMEOUT_S:
                raise ClusterFailed(f"Ray does not respond; it was started {RAY_TIMEOUT_S:g} s ago")
        return False

    def wait(self, stopping: Callable[[], bool]) -> None:
        """Wait until ``stopping()``. Raises ClusterFailed if the process ends."""
        while not stopping():
            self._next()

    def stop(self, impatient: Callable[[], bool]) -> None:
        """Stop after the requests in flight, or at once when ``impatient()``."""
        if self._is_over:
            return
        self._send(STOP)
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        with contextlib.suppress(ClusterFailed):
            while not impatient() and time.monotonic() < deadline and "stopped" not in self._next():
                pass

    def kill(self) -> None:
        """End the process and all that it started; none is left."""
        self._process.kill()
        self._process.wait()
        self._folder.kill_processes()
        for stream in (self._input, self._output, self._stderr):
            with contextlib.suppress(OSError):
                stream.close()

    def _send(self, line: str) -> None:
        with contextlib.suppress(OSError):  # the process has ended, which the next event tells
            self._input.write(line)
            self._input.flush()

    def _next(self) -> _Event:
        """The next event; empty if there is none yet. Raises ClusterFailed."""
        try:
            event = self._events.get(timeout=_POLL_S)
        except queue.Empty:
            return {}
        self._is_over = event is None or "failed" in event or "stopped" in event
        if event is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_EXIT_TIMEOUT_S)
            code = self._process.returncode or 0
            how = f"signal {-code}" if code < 0 else f"exit status {code}"
            raise ClusterFailed(f"the process that runs Ray ended unexpectedly ({how})")
        if "failed" in event:
            raise ClusterFailed(event["failed"])
        return event

    def _read(self) -> None:
        with contextlib.suppress(ValueError):  # closed, or something else than JSON
            for line in self._output:
                self._events.put(json.loads(line))
        self._events.put(None)
