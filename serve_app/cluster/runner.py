"""The process that runs Ray for ``raylens serve``, which starts it in a session of its own.

It reads a :class:`ServiceJob` and then commands from standard input, and writes events to standard output, one line
each. When its input ends, ``raylens serve`` has been killed, and it ends all processes of the cluster. Its own standard
error is a file, so that nothing of what Ray prints there reaches the user.
"""

import contextlib
import http.client
import importlib
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from serve_app.cluster.dead_children import dead_child
from serve_app.cluster.haproxy import start_failure
from serve_app.cluster.ray_cluster import ClusterFailed, NewCluster, RayCluster
from serve_app.cluster.run_folder import kill_processes_of
from serve_app.config import APPLICATION

STOP: Final = "stop\n"
"""The command to finish the requests in flight and stop."""
_HAPROXY_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class ServiceJob:
    """What to run."""

    config: dict[str, Any]
    host: str
    port: int
    log: int
    """File descriptor for the log lines of the replicas."""
    new: NewCluster | None
    """None: join the cluster of ``RAY_ADDRESS``."""

    def to_line(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        values = json.loads(line)
        return cls(**{**values, "new": NewCluster(**values["new"]) if values["new"] else None})


class _Events:
    """The pipe to ``raylens serve``. Events are lost when it no longer reads them."""

    def __init__(self) -> None:
        self._pipe = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # what Ray prints

    def send(self, **event: Any) -> None:  # noqa: ANN401
        with contextlib.suppress(OSError):
            self._pipe.write(json.dumps(event) + "\n")
            self._pipe.flush()


class _ReplicaLog:
    """Standard error of ``raylens serve``, whatever becomes of it: a closed terminal, a full disk."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        data = text.encode(errors="replace")
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]
        return len(text)


def run_service() -> None:
    """Run one job to its end."""
    events = _Events()
    threading.Thread(target=importlib.import_module, args=("ray",), daemon=True).start()
    if not (line := sys.stdin.readline()):
        return
    job = ServiceJob.from_line(line)
    stop = threading.Event()
    threading.Thread(target=_obey, args=(job, stop), daemon=True).start()
    if job.new:
        threading.Thread(target=_watch_ray, args=(stop, events), daemon=True).start()
    try:
        _run(job, stop, events)
    except ClusterFailed as error:
        events.send(failed=str(error))
    except BaseException as error:  # whatever Ray raises; the trace is in this process's log
        traceback.print_exc()
        events.send(failed=f"Ray failed: {_one_line(error)}")
    else:
        events.send(stopped=True)


def _obey(job: ServiceJob, stop: threading.Event) -> None:
    """Stop on command. If the input ends while this process runs, ``raylens serve`` was killed."""
    if sys.stdin.readline() == STOP:
        stop.set()
        sys.stdin.readline()
    if job.new is None:
        stop.set()  # other applications may run in a joined cluster
        return
    folder = Path(job.new.folder)
    _remove_soon(folder)
    kill_processes_of(folder)
    os._exit(1)


def _watch_ray(stop: threading.Event, events: _Events) -> None:
    """Tell which of Ray's processes has ended. Ray waits for half a minute, and then says only that it waited."""
    while not stop.wait(0.5):
        if reason := dead_child({"gcs_server", "raylet"}):
            events.send(failed=f"Ray failed: its process {reason}")
            return


def _remove_soon(folder: Path) -> None:
    """By another process, because Ray ends this one as soon as its other processes are gone."""
    subprocess.Popen(  # noqa: S603 - no user input
        ["/bin/sh", "-c", 'sleep 2; rm -rf "$0"', folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _run(job: ServiceJob, stop: threading.Event, events: _Events) -> None:
    with RayCluster(job.new, _ReplicaLog(job.log)) as cluster:
        events.send(started=True, dashboard=cluster.dashboard_url)
        cluster.deploy(job.config)
        if _wait_until_ready(cluster, job, stop, events):
            events.send(ready=True)
            stop.wait()
            if job.new:
                cluster.drain(APPLICATION)


def _wait_until_ready(cluster: RayCluster, job: ServiceJob, stop: threading.Event, events: _Events) -> bool:
    """True once the service is ready, False if it was stopped before. Raises ClusterFailed."""
    silent_since = time.monotonic()
    while not stop.wait(0.2):
        running, wanted = cluster.progress(APPLICATION)
        events.send(running=running, wanted=wanted)
        if job.new and (reason := start_failure(Path(job.new.folder))):
            raise ClusterFailed(f"HAProxy did not start: {reason}")
        status = _health_status(job.host, job.port) if wanted and running == wanted else 0
        if status == 200:
            return True
        if status is not None:
            silent_since = time.monotonic()
        elif time.monotonic() - silent_since > _HAPROXY_TIMEOUT_S:
            raise ClusterFailed(f"all replicas run, but HAProxy has not responded for {_HAPROXY_TIMEOUT_S:g} s")
    return False


def _health_status(host: str, port: int) -> int | None:
    """The status of the health check, None without a response. Asked directly, never through a configured proxy."""
    connection = http.client.HTTPConnection(host, port, timeout=2.0)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/api/health/ready")
        return connection.getresponse().status
    return None


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


if __name__ == "__main__":
    run_service()
