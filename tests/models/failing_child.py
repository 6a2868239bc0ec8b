"""``python -m tests.models.failing_child FOLDER``: a child process that raises the error on its standard input.

Without an error it kills itself after a line on its standard error.
"""

import os
import signal
import sys
from pathlib import Path

from models import child_process


def fail(_folder: Path, error: Exception | None) -> None:
    if error:
        raise error
    sys.stderr.write("a warning of some library\n")
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    raise SystemExit(child_process.run_as_child(fail))
