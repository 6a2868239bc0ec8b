"""Processes that are killed while they record."""

import itertools
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from serve_app.statistics.durable_recorder import DurableRecorder
from serve_app.statistics.tables import classifications
from tests.statistics.examples import examples, expected, rows, tallied


def _start(url: str, spool: Path, first: int, step: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.statistics.recording", url, str(spool), str(first), str(step)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _first(process: subprocess.Popen[str], number: int) -> list[int]:
    """Wait for the first batches that were confirmed: their ``record`` returned."""
    assert process.stdout is not None
    lines = (line.strip() for line in process.stdout)
    return [int(line) for line in itertools.islice((line for line in lines if line.isdecimal()), number)]


def _kill(process: subprocess.Popen[str]) -> list[int]:
    """Kill the process; return the other batches that it confirmed."""
    process.kill()
    output, _ = process.communicate()
    return [int(line) for line in output.split("\n")[:-1] if line.isdecimal()]


def _ids(batches: list[int]) -> set[str]:
    return {record.id for number in batches for record in examples(*range(number, number + 8))}


def _recorded(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(select(classifications.c.id)))


def test_killed_processes_lose_no_confirmed_batch(url: str, engine: Engine, tmp_path: Path):
    """Three processes record overlapping batches: every second batch of one is a batch of another."""
    spool = tmp_path / "spool"
    returned: set[str] = set()
    processes = [_start(url, spool, n * 4, 4) for n in range(3)]
    for process in processes:
        returned |= _ids(_first(process, 30))
    for process in processes:
        returned |= _ids(_kill(process))
    assert len(returned) > 100
    successor = DurableRecorder(engine, spool)
    successor.drain()
    assert successor.pending() == 0
    assert returned <= _recorded(engine)
    assert tallied(engine) == expected(engine)


@pytest.mark.chaos
def test_many_kills(url: str, engine: Engine, tmp_path: Path):
    returned: set[str] = set()
    for round_ in range(8):
        process = _start(url, tmp_path / "spool", round_ * 100_000, 4)
        returned |= _ids(_first(process, 1))
        time.sleep(0.031 * round_)
        returned |= _ids(_kill(process))
    DurableRecorder(engine, tmp_path / "spool").drain()
    assert returned <= _recorded(engine)
    assert tallied(engine) == expected(engine)


def test_processes_killed_during_an_outage_lose_nothing(url: str, engine: Engine, tmp_path: Path):
    """The process never reaches the database, so every confirmed batch is a complete file in the spool."""
    spool = tmp_path / "spool"
    process = _start("mysql+pymysql://nobody@127.0.0.1:1/none", spool, 0, 8)
    returned = _ids(_first(process, 20))
    returned |= _ids(_kill(process))
    assert len(returned) >= 160
    successor = DurableRecorder(engine, spool)
    assert successor.pending() >= len(returned)
    successor.drain()
    assert returned <= _recorded(engine)
    assert list((spool / "broken").iterdir()) == []
    assert rows(engine) == successor.recorded
    assert tallied(engine) == expected(engine)
