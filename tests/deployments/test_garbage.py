"""Garbage collection in a replica, in a process of its own: the objects stay excluded."""

import subprocess
import sys

SCRIPT = """
import gc
import serve_app.errors
from serve_app.deployments.garbage import exclude_existing_objects

before = len(gc.get_objects())
exclude_existing_objects()
print(gc.get_freeze_count() > before // 2, len(gc.get_objects()) < before // 2)
"""


def test_existing_objects_are_not_collected_again() -> None:
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["True", "True"]
