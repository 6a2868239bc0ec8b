"""Starts under unusual conditions, and failures of Ray and HAProxy while they start."""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from serve_app.cluster.haproxy import find_haproxy
from tests.servers.process import default_hang_up, free_port
from tests.service import SHARED_DATA, START_S, inherited_environment

pytestmark = pytest.mark.chaos
RAYLENS = (sys.executable, "-m", "serve_app.cli.main")


class Launch:
    """A ``raylens serve`` with the given environment; TMPDIR is a folder of its own."""

    def __init__(self, folder: Path, temporary: Path, environment: dict[str, str], limit: str) -> None:
        self.temporary = temporary
        self.port = free_port()
        data = folder / "data"
        data.mkdir()
        SHARED_DATA.joinpath("artifacts").mkdir(parents=True, exist_ok=True)
        (data / "artifacts").symlink_to(SHARED_DATA / "artifacts")
        own = {"TMPDIR": str(temporary), "RAYLENS_DATA_DIR": str(data), "RAYLENS_PORT": str(self.port)}
        self.environment = inherited_environment() | own | environment
        self.log = folder / "serve.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", f'{limit} exec "$@"', "sh", *RAYLENS, "serve", "--json"],
                env=self.environment,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=default_hang_up,  # noqa: PLW1509 – only resets a signal
            )
        self.started: set[psutil.Process] = set()

    def addresses(self) -> dict[str, str]:
        """Wait until the service is ready."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        self.note_processes()
        assert line, self.log.read_text()
        found: dict[str, str] = json.loads(line)
        return found

    def wait_for(self, condition: Callable[["Launch"], bool]) -> None:
        deadline = time.monotonic() + START_S
        while not condition(self):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
            self.note_processes()

    def runs(self, name: str) -> list[psutil.Process]:
        """The processes of Ray with this name."""
        self.note_processes()
        return [process for process in self.started if _name(process) == name]

    def note_processes(self) -> None:
        with contextlib.suppress(psutil.Error):
            self.started.update(psutil.Process(self.process.pid).children(recursive=True))

    def end(self) -> tuple[int, str]:
        """Exit status and output, once the process has ended by itself or by a signal; nothing else may be left."""
        while self.process.poll() is None:
            self.note_processes()
            time.sleep(0.05)
        _, left = psutil.wait_procs(list(self.started), timeout=10)
        left = [process for process in left if _name(process)]
        for process in left:
            process.kill()
        assert left == [], [process.name() for process in left]
        return self.process.returncode, self.log.read_text()


def _name(process: psutil.Process) -> str:
    """Empty for a process that has ended, even if its parent has not noticed."""
    try:
        return "" if process.status() == psutil.STATUS_ZOMBIE else process.name()
    except psutil.Error:
        return ""


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Launch]]:
    temporary = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    launched: list[Launch] = []

    def run(limit: str = "", **environment: str) -> Launch:
        launched.append(Launch(tmp_path, temporary, environment, limit))
        return launched[-1]

    yield run
    for each in launched:
        each.process.kill()
        each.process.wait()
        assert each.process.stdout
        each.process.stdout.close()
    shutil.rmtree(temporary, ignore_errors=True)


def only_line(log: str) -> str:
    (line,) = [line for line in log.splitlines() if "[info" not in line and "The limit of" not in line]
    return line


def test_a_start_under_unusual_conditions(launch: Callable[..., Launch], tmp_path: Path) -> None:
    """All addresses, few open files, a long path for temporary files, no home; and kill -9 at the end."""
    long = tmp_path / ("long" * 20)
    long.mkdir()
    metrics = free_port()
    service = launch(
        "ulimit -n 1024;", RAYLENS_HOST="::", RAYLENS_METRICS_PORT=str(metrics), TMPDIR=str(long), HOME="/proc/nowhere"
    )
    addresses = service.addresses()
    folder = Path(addresses["logs"]).parents[2]
    assert "allows 270 concurrent connections" in service.log.read_text()
    for host in ("127.0.0.1", "[::1]", "localhost"):
        assert httpx.get(f"http://{host}:{service.port}/api/health/ready", trust_env=False).status_code == 200
    assert "ray_" in httpx.get(f"http://[::1]:{metrics}/metrics".replace("[::1]", "127.0.0.1"), trust_env=False).text
    service.note_processes()  # HAProxy is replaced when the replicas are ready
    public = {port for process in service.started for port in listening(process)}
    assert public == {service.port, metrics}
    assert folder.stat().st_mode & 0o777 == 0o700, "other users must not change the files"
    status = subprocess.run(
        [*RAYLENS, "status"],
        env=service.environment | {"RAYLENS_HOST": "::"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert status.returncode == 0, status.stderr
    service.process.kill()
    assert service.end()[0] == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while folder.exists():
        assert time.monotonic() < deadline, list(folder.iterdir())
        time.sleep(0.1)


def listening(process: psutil.Process) -> list[int]:
    """The ports that other machines can reach."""
    try:
        connections = process.net_connections("tcp")
    except psutil.Error:
        return []
    loopback = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
    return [
        connection.laddr.port
        for connection in connections
        if connection.status == psutil.CONN_LISTEN and connection.laddr.ip not in loopback
    ]


def test_a_private_port_that_is_taken_meanwhile(launch: Callable[..., Launch]) -> None:
    """The second attempt uses others. A hang-up ends the service like Ctrl-C."""
    service = launch()
    service.wait_for(lambda service: bool(service.runs("raylet")))
    port = int(service.runs("raylet")[0].environ()["RAY_SERVE_HAPROXY_STATS_PORT"])
    with socket.create_server(("127.0.0.1", port)):
        service.addresses()
    service.process.send_signal(signal.SIGHUP)
    code, log = service.end()
    assert code == 0, log
    assert list(service.temporary.iterdir()) == []


def test_the_port_of_the_service_is_taken_meanwhile(launch: Callable[..., Launch]) -> None:
    service = launch()
    service.wait_for(lambda service: bool(service.runs("raylet")))
    with socket.create_server(("127.0.0.1", service.port)):
        code, log = service.end()
    assert list(service.temporary.iterdir()) == []
    assert (code, f"another program has taken port {service.port}" in only_line(log)) == (1, True), log


def test_a_raylet_that_dies(launch: Callable[..., Launch]) -> None:
    service = launch()
    service.wait_for(lambda service: bool(service.runs("raylet")))
    service.runs("raylet")[0].kill()
    code, log = service.end()
    assert code == 1, log
    assert only_line(log).startswith("Raylens could not start: ")
    assert str(service.temporary) in only_line(log), "where the logs are"


def test_an_haproxy_that_crashes(launch: Callable[..., Launch], tmp_path: Path) -> None:
    program = tmp_path / "haproxy"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = -v ] && exec {find_haproxy({})} -v\necho "[ALERT] ($$) : no memory" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    service = launch(RAY_SERVE_HAPROXY_BINARY_PATH=str(program))
    code, log = service.end()
    assert (code, "HAProxy did not start: no memory" in only_line(log)) == (1, True), log


def test_sigterm_while_ray_starts(launch: Callable[..., Launch]) -> None:
    service = launch()
    service.wait_for(lambda service: bool(service.runs("gcs_server")))
    service.process.terminate()
    code, log = service.end()
    assert (code, "Traceback" in log, "could not start" in log) == (0, False, False)
    assert list(service.temporary.iterdir()) == []
