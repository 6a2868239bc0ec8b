"""Ray's shared memory on machines that have little of it, such as containers."""

import shutil
from pathlib import Path

import pytest

from serve_app.cluster import object_store
from serve_app.cluster.object_store import OBJECT_STORE_BYTES, object_store_options

MINIMUM = 75 << 20
"""Ray rejects less."""


@pytest.mark.parametrize("free_mib", [0, 16, 64, 99, 100, 300, 640, 100_000])
def test_it_fits_into_the_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int) -> None:
    free = free_mib << 20
    monkeypatch.setattr(object_store, "_SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(free, 0, free))
    options = object_store_options(tmp_path)
    assert MINIMUM < options["object_store_memory"] <= OBJECT_STORE_BYTES
    assert options["object_store_memory"] < free or options["_plasma_directory"] == str(tmp_path)
    assert ("_plasma_directory" in options) == (free_mib < 100)


def test_a_machine_without_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "_SHARED_MEMORY", tmp_path / "none")
    assert object_store_options(tmp_path)["_plasma_directory"] == str(tmp_path)
