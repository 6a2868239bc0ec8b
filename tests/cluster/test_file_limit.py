"""The limit of open files and what it allows, in processes of their own."""

import subprocess
import sys

import pytest

from serve_app.cluster.file_limit import MAX_CONNECTIONS, connections
from serve_app.cluster.haproxy_config import MAX_PIPES, RESERVE

CODE = """
import resource
from serve_app.cluster.file_limit import raise_file_limit
try:
    print(raise_file_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
except RuntimeError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("limits", "shown"),
    [
        ("ulimit -Sn 256; ulimit -Hn 1024", "1024 1024"),
        ("ulimit -n 1024", "1024 1024"),
        ("ulimit -n 1000", "this process may open only 1,000 files, and Raylens needs 1,024; raise the limit"),
    ],
)
def test_the_soft_limit_is_raised_to_the_hard_limit(limits: str, shown: str) -> None:
    command = ["bash", "-c", f'{limits}; exec "$0" -c "$1"', sys.executable, CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(shown), done.stdout + done.stderr


def test_the_files_suffice_for_the_connections() -> None:
    """As HAProxy counts them: it does not start if it may not open so many."""
    assert connections(65_536) == MAX_CONNECTIONS
    for limit in (1024, 4096, 10_340):
        allowed = connections(limit) + RESERVE
        assert 2 * allowed + 2 * MAX_PIPES + 30 < limit
    assert connections(1024) == 270
