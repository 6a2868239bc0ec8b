"""Commands whose standard output or standard error cannot be written."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.service import inherited_environment

RAYLENS = (sys.executable, "-m", "serve_app.cli.main")


def run(redirected: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", f'exec "$@" {redirected}', "sh", *RAYLENS, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=inherited_environment(), check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk() -> None:
    output = run("> /dev/full", "models", "list", "--json")
    assert (output.returncode, output.stderr.count("\n")) == (1, 1), output.stderr
    assert "No space left on device" in output.stderr
    errors = run("2> /dev/full", "status", "--server", "127.0.0.1:1")
    assert (errors.returncode, errors.stdout, errors.stderr) == (3, "", "")


def test_closed_streams() -> None:
    assert run("2>&-", "status", "--server", "127.0.0.1:1").returncode == 3
    done = run(">&- 2>&- <&-", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_reader_that_has_gone() -> None:
    done = run("| true", "--version")
    assert "Traceback" not in done.stderr
