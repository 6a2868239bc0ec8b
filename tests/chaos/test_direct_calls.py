"""Direct calls within the installed Ray Serve; tests/deployments/test_direct_calls.py tests them alone."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.chaos.direct_calls_load import LIMIT, REPLICAS

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.chaos.direct_calls_load"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    print(result.stderr)
    *_, line = result.stdout.splitlines()  # Ray reports the killed replica before
    loaded: dict[str, Any] = json.loads(line)
    return loaded


def test_calls_are_direct_and_distributed_evenly(found: dict[str, Any]) -> None:
    assert found["even"] == [[LIMIT] * REPLICAS, LIMIT, [], 0]


def test_replicas_reject_further_calls_which_wait(found: dict[str, Any]) -> None:
    assert found["full"] == [REPLICAS * LIMIT + 3, LIMIT, []]


def test_cancelling_the_caller_cancels_the_call(found: dict[str, Any]) -> None:
    assert found["cancelled"] == 0


def test_the_calls_of_a_dead_replica_fail_as_lost_and_no_others(found: dict[str, Any]) -> None:
    answered, errors = found["killed"]
    assert 1 <= len(errors) <= LIMIT
    assert set(errors) == {"ReplicaLost"}
    assert answered == REPLICAS * LIMIT - len(errors)


def test_replicas_that_stop_finish_their_calls(found: dict[str, Any]) -> None:
    assert found["stopped"] == [LIMIT, []]
