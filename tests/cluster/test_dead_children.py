"""Children that have ended."""

import subprocess
import sys
import time

import pytest

from serve_app.cluster.dead_children import dead_child

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.mark.parametrize(("command", "cause"), [("exit 3", "exit status 3"), ("kill -9 $$", "signal 9")])
def test_a_child_that_has_ended(command: str, cause: str) -> None:
    assert dead_child({"bash"}) is None
    with subprocess.Popen(["bash", "-c", f"read; {command}"], stdin=subprocess.PIPE) as child:
        assert dead_child({"bash"}) is None, "it runs"
        assert child.stdin
        child.stdin.close()
        deadline = time.monotonic() + 30
        while (found := dead_child({"bash"})) is None:
            assert time.monotonic() < deadline
        assert found == f"bash ended unexpectedly ({cause})"
        assert dead_child({"raylet"}) is None
        assert child.wait() != 0, "it can still be waited for"
    assert dead_child({"bash"}) is None
