"""The installed Ray Serve applies the router's rule; tests/deployments/test_router.py tests the rule itself."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.chaos


def test_calls_are_distributed_evenly() -> None:
    """Eight concurrent calls to four replicas are two each; with Serve's default router some have up to six."""
    command = [sys.executable, "-m", "tests.chaos.router_load", "8", "4"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    most = list(json.loads(result.stdout).values())
    assert len(most) == 4
    assert max(most) <= 3, "two, and one more where the end of a call is reported late"
