"""How `raylens serve` deals with the process that runs Ray, here with scripts in its place."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil
import pytest

from serve_app.cluster import cluster_process, run_folder
from serve_app.cluster.cluster_process import ClusterProcess
from serve_app.cluster.ray_cluster import ClusterFailed
from serve_app.cluster.run_folder import RunFolder
from serve_app.cluster.runner import ServiceJob

JOB = ServiceJob(config={}, host="127.0.0.1", port=1, log=2, new=None)
HEAD = """import json, os, subprocess, sys, time
def send(**event): print(json.dumps(event), flush=True)
sys.stdin.readline()
"""
READY = "send(started=True, dashboard=None); send(running=4, wanted=4); send(ready=True);"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    monkeypatch.setattr(run_folder, "_parents", lambda: [tmp_path])
    folder = RunFolder()
    yield folder
    folder.close()


@pytest.fixture
def running(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], AbstractContextManager[ClusterProcess]]:
    @contextmanager
    def run(script: str) -> Iterator[ClusterProcess]:
        monkeypatch.setattr(cluster_process, "_RUNNER", [sys.executable, "-c", HEAD + script])
        process = ClusterProcess(folder, {"FOLDER": str(folder.path)})
        try:
            yield process
        finally:
            process.kill()

    return run


def start(process: ClusterProcess, timeout_s: float = 60.0) -> bool:
    return process.start(JOB, on_progress=lambda *_: None, stopping=lambda: False, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("send(failed='Ray failed: no memory')", "Ray failed: no memory"),
        ("os.abort()", "ended unexpectedly (signal 6)"),
        ("sys.exit(3)", "ended unexpectedly (exit status 3)"),
        ("print('Segmentation fault'); sys.exit(1)", "ended unexpectedly (exit status 1)"),
    ],
)
def test_a_failure_is_one_line(running, script, message):
    with running(script) as process, pytest.raises(ClusterFailed) as caught:
        start(process)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_start_that_takes_too_long(running, monkeypatch):
    with running("time.sleep(100)") as process, pytest.raises(ClusterFailed, match=r"not ready after 0\.5 s"):
        start(process, timeout_s=0.5)
    monkeypatch.setattr(cluster_process, "RAY_TIMEOUT_S", 0.5)
    with running("time.sleep(100)") as process, pytest.raises(ClusterFailed, match="Ray does not respond"):
        start(process)


def test_a_cluster_that_ends_while_it_serves(running):
    with running(READY + "time.sleep(0.5)") as process:
        assert start(process)
        with pytest.raises(ClusterFailed, match="ended unexpectedly"):
            process.wait(lambda: False)
        begun = time.monotonic()
        process.stop(impatient=lambda: False)
        assert time.monotonic() - begun < 10, "there is nothing to wait for"


def test_an_impatient_user_does_not_wait(running):
    begun = time.monotonic()
    with running(READY + "time.sleep(100)") as process:
        assert start(process)
        process.stop(impatient=lambda: True)
    assert time.monotonic() - begun < 50


def test_nothing_of_the_cluster_is_left(running, folder):
    """Not even a process of another session, which has lost its parent."""
    orphan = (
        "subprocess.Popen(['sleep', '100'], stderr=open(os.environ['FOLDER'] + '/log', 'w'), start_new_session=True)"
    )
    with running(f"send(failed=str({orphan}.pid))") as process, pytest.raises(ClusterFailed) as caught:
        start(process)
    pid = int(str(caught.value))
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    raise AssertionError("still running")


def test_what_the_cluster_writes_is_for_this_user_only(running, folder):
    """Whatever the mask of new files is."""
    before = os.umask(0)
    try:
        with running("open(os.environ['FOLDER'] + '/log', 'w'); " + READY) as process:
            assert start(process)
            assert (folder.path / "log").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_the_real_process_ends_with_its_parent_before_it_has_a_job(folder):
    process = ClusterProcess(folder, os.environ)
    process._input.close()
    assert process._process.wait(60) == 0
    process.kill()
