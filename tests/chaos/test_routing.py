"""Calls are dealt out evenly by the Serve that is installed: it alone says when they are sent and when they end."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.chaos


def test_no_replica_is_passed_over() -> None:
    """Eight calls at any time before four replicas are two for each; drawn by chance they are up to six."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.dealing", "8", "4"], capture_output=True, text=True, timeout=120, check=True
    )
    most = list(json.loads(done.stdout).values())
    assert len(most) == 4
    assert max(most) <= 3, "two, and one more where an end is told late"
