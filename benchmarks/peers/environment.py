"""Builds a virtual environment for each system from pinned requirements."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.command import ROOT

FOLDER: Final = ROOT / ".raylens" / "peers"
REQUIREMENTS: Final = ROOT / "requirements" / "peers"
STAMP: Final = "built-from"
MAX_PYTHON: Final = {"triton": (3, 11, 2)}
"""Latest supported Python version. Triton's stub depends on the memory layout of early 3.11 releases."""

BUILD_S: Final = 1800.0
LOG_END: Final = 1500


class NotInstalled(RuntimeError):
    """The environment could not be built; the message says why."""


def python_of(name: str) -> Path:
    """The interpreter of the environment, which is built first unless it matches its pins. Raises NotInstalled."""
    pins, folder = REQUIREMENTS / f"{name}.txt", FOLDER / name
    base = _base_python(name)
    wanted = f"{hashlib.sha256(pins.read_bytes()).hexdigest()} {base}"
    python, stamp = folder / "bin" / "python", folder / STAMP
    if not (stamp.exists() and stamp.read_text() == wanted and python.exists()):
        shutil.rmtree(folder, ignore_errors=True)
        _run([str(base), "-m", "venv", str(folder)])
        options = ["--quiet", "--disable-pip-version-check", "--require-hashes"]
        _run([str(python), "-m", "pip", "install", *options, "--requirement", str(pins)])
        stamp.write_text(wanted)
    return python


def version_in(python: Path, distribution: str) -> str:
    """Raises NotInstalled."""
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    return _run([str(python), "-c", code]).strip()


def _base_python(name: str) -> Path:
    """The current interpreter, or an older one if the system requires it. Raises NotInstalled."""
    last = MAX_PYTHON.get(name)
    if last is None:
        return Path(sys.executable).resolve()
    minor = f"python{last[0]}.{last[1]}"
    candidates = [sys.executable, shutil.which(minor), f"/usr/bin/{minor}", f"/usr/local/bin/{minor}"]
    for found in candidates:
        if found and Path(found).exists() and last[:2] <= _version_of(found) <= last:
            return Path(found).resolve()
    wanted = ".".join(map(str, last))
    raise NotInstalled(
        f"it needs Python {last[0]}.{last[1]}, at most {wanted}, which is not installed (Debian 12 includes it)."
    )


def _version_of(python: str) -> tuple[int, ...]:
    output = _run([python, "-c", "import sys; print(*sys.version_info[:3])"])
    return tuple(int(number) for number in output.split())


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_S, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from None
    if done.returncode:
        raise NotInstalled(f"{' '.join(command[:4])} …: {(done.stderr or done.stdout).strip()[-LOG_END:]}")
    return done.stdout
