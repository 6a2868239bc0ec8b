"""Runs a module in a child process, so that the memory of heavy imports is released when it ends."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import models.errors
from models.errors import ArtifactBuildFailed, ModelError

_FAILURE = "failure.json"
_LITTLE_BYTES = 1 << 20


def run(module: str, folder: Path, argument: object, product: str) -> None:
    """Run ``python -m module folder``, which writes into the folder. ``argument`` is pickled to its standard input.

    ``product`` names the result in error messages. Raises the ModelError raised by the child, or ArtifactBuildFailed
    for any other failure.
    """
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", module, str(folder)]
    environment = {**os.environ, "PYTHONPATH": path}
    outcome = subprocess.run(command, input=pickle.dumps(argument), capture_output=True, env=environment, check=False)  # noqa: S603
    if outcome.returncode != 0:
        raise _failure(folder, product, outcome)


def run_as_child(work: Callable[[Path, Any], None]) -> int:
    """Entry point of the child: call ``work`` with the folder and the argument, and return the exit status.

    A ModelError is written to the folder, from where the parent raises it again.
    """
    folder = Path(sys.argv[1])
    try:
        work(folder, pickle.load(sys.stdin.buffer))  # noqa: S301 – written by the parent process
    except ModelError as error:
        (folder / _FAILURE).write_text(json.dumps({"error": type(error).__name__, "message": str(error)}))
        return 1
    return 0


def _failure(folder: Path, product: str, outcome: subprocess.CompletedProcess[bytes]) -> ModelError:
    """The error written by the child, or the last line of its standard error.

    Libraries report a full disk in words of their own, such as ``basic_ios::clear: iostream error``.
    """
    if shutil.disk_usage(folder).free < _LITTLE_BYTES:
        return ArtifactBuildFailed(f"{product} could not be built: no space left on the disk of {folder.parent}")
    try:
        failure: dict[str, Any] = json.loads((folder / _FAILURE).read_bytes())
    except (OSError, ValueError):
        if outcome.returncode == -signal.SIGKILL:
            return ArtifactBuildFailed(
                f"{product} could not be built: the process was killed, maybe for lack of memory."
            )
        last = outcome.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"status {outcome.returncode}"]
        return ArtifactBuildFailed(f"{product} could not be built: {last[0]}")
    error: type[ModelError] = getattr(models.errors, failure["error"])
    return error(failure["message"])
