"""A module of ours in a process of its own: it may import hundreds of MB, which are gone with it."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import models.errors
from models.errors import ArtifactBuildFailed, ModelError

FAILURE = "failure.json"


def run(module: str, folder: Path, given: object, what: str) -> None:
    """Run ``python -m module folder`` with ``given`` pickled on its standard input, which fills the folder.

    ``what`` is made there, for the message. Raises the ModelError that it ended with, else ArtifactBuildFailed.
    """
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", module, str(folder)]
    environment = {**os.environ, "PYTHONPATH": path}
    outcome = subprocess.run(command, input=pickle.dumps(given), capture_output=True, env=environment, check=False)  # noqa: S603
    if outcome.returncode != 0:
        raise _failure(folder, what, outcome.stderr)


def serve(work: Callable[[Path, Any], None]) -> int:
    """The other side: ``work`` with the folder and what was given. A ModelError is left in the folder. Exit status."""
    folder = Path(sys.argv[1])
    try:
        work(folder, pickle.load(sys.stdin.buffer))  # noqa: S301 – written by the parent process
    except ModelError as error:
        (folder / FAILURE).write_text(json.dumps({"error": type(error).__name__, "message": str(error)}))
        return 1
    return 0


def _failure(folder: Path, what: str, stderr: bytes) -> ModelError:
    """The error the child left behind, else the last line of what it said."""
    try:
        told: dict[str, Any] = json.loads((folder / FAILURE).read_bytes())
    except (OSError, ValueError):
        last = stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it was killed"]
        return ArtifactBuildFailed(f"{what} could not be built: {last[0]}")
    error: type[ModelError] = getattr(models.errors, told["error"])
    return error(told["message"])
