"""A virtual environment for each system, from its own pinned requirements, built where it isn't there yet."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.load import ROOT

FOLDER: Final = ROOT / ".raylens" / "peers"
REQUIREMENTS: Final = ROOT / "requirements" / "peers"
STAMP: Final = "built-from"
EARLY_PYTHON: Final = {"triton": (3, 11, 2)}
"""The last version of Python that a system's compiled parts bear: Triton's stub reads fields of 3.11's insides."""

BUILD_S: Final = 1800.0
LOG_END: Final = 1500


class NotInstalled(RuntimeError):
    """The environment could not be built; the message says why."""


def python_of(name: str) -> Path:
    """The interpreter of the environment, which is built now unless it is there and as pinned. Raises NotInstalled."""
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
    """Our own, unless a system needs an early one. Raises NotInstalled."""
    last = EARLY_PYTHON.get(name)
    if last is None:
        return Path(sys.executable).resolve()
    minor = f"python{last[0]}.{last[1]}"
    candidates = [sys.executable, shutil.which(minor), f"/usr/bin/{minor}", f"/usr/local/bin/{minor}"]
    for found in candidates:
        if found and Path(found).exists() and last[:2] <= _version_of(found) <= last:
            return Path(found).resolve()
    wanted = ".".join(map(str, last))
    raise NotInstalled(f"it needs Python {last[0]}.{last[1]}, {wanted} at most, which is not here (Debian 12 has it).")


def _version_of(python: str) -> tuple[int, ...]:
    told = _run([python, "-c", "import sys; print(*sys.version_info[:3])"])
    return tuple(int(number) for number in told.split())


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_S, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from None
    if done.returncode:
        raise NotInstalled(f"{' '.join(command[:4])} …: {(done.stderr or done.stdout).strip()[-LOG_END:]}")
    return done.stdout
