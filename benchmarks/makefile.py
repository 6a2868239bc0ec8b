"""What ``make serve`` adds to the start of ``raylens serve``."""

import shutil
import subprocess
import time

from benchmarks.command import ROOT


def overhead_s() -> float:
    """Seconds until ``make serve`` starts the command when everything is set up; 0 without make.

    The dry run does the same work: it reads the Makefile twice and checks the virtual environment and the web app.
    """
    if not shutil.which("make"):
        return 0.0
    started = time.perf_counter()
    subprocess.run(["make", "--dry-run", "serve"], capture_output=True, cwd=ROOT, check=False)
    return time.perf_counter() - started
