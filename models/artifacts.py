"""The OpenVINO form of a model on disk: built once, shared by every process of the machine, verified when loaded."""

import fcntl
import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import models.errors
from models.errors import ArtifactBuildFailed, ModelError
from models.spec import KerasFileWeights, ModelSpec

FORMAT = 1
"""Raise it when the same weights would make another artifact, e.g. after a change of the architecture's code."""

FILES = ("model.xml", "model.bin")
MANIFEST = "manifest.json"
FAILURE = "failure.json"


def ensure(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """The ``model.xml`` of the model, built now unless an intact one is there; ``model.bin`` lies beside it.

    Of several processes that ask at once one builds, the others wait for it. The artifact appears whole or not at all.
    Raises WeightsUnavailable, WeightsCorrupt, InvalidModel or ArtifactBuildFailed.
    """
    folder = folder_of(spec, artifacts_dir)
    if not is_intact(folder):
        artifacts_dir.mkdir(parents=True, exist_ok=True)
        with _locked(artifacts_dir / f".{folder.name}.lock"):
            if not is_intact(folder):
                _build(spec, folder)
    return folder / "model.xml"


def folder_of(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """Where the artifact is, or will be."""
    return artifacts_dir / f"{spec.name}-{content_key(spec)}"


def content_key(spec: ModelSpec) -> str:
    """16 hex digits that change with the weights, the preprocessing, or the libraries that make the artifact."""
    weights = {"sha256": spec.weights.sha256} if isinstance(spec.weights, KerasFileWeights) else asdict(spec.weights)
    content = {
        "format": FORMAT,
        "weights": {"type": type(spec.weights).__name__, "version": spec.version, **weights},
        "transform": asdict(spec.transform),
        "libraries": {name: version(name) for name in ("keras", "tensorflow", "openvino")},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def is_intact(folder: Path) -> bool:
    """Whether the folder holds an artifact with the checksums of the day it was built."""
    try:
        manifest: dict[str, str] = json.loads((folder / MANIFEST).read_bytes())
        return all(_sha256(folder / name) == manifest[name] for name in FILES)
    except (OSError, ValueError, LookupError, TypeError):
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock, which the system releases should this process die."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(spec: ModelSpec, folder: Path) -> None:
    prefix = f".{folder.name}.build-"
    for left_behind in folder.parent.glob(f"{prefix}*"):  # by a build that was killed
        shutil.rmtree(left_behind, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        _export(spec, draft)
        manifest = {name: _sha256(draft / name) for name in FILES}
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2))
        _flush(draft)
        shutil.rmtree(folder, ignore_errors=True)
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _export(spec: ModelSpec, draft: Path) -> None:
    """Run the export in a process of its own: Keras and TensorFlow take some 600 MB that a replica needn't keep."""
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "models.export", str(draft)]
    environment = {**os.environ, "PYTHONPATH": path}
    outcome = subprocess.run(command, input=pickle.dumps(spec), capture_output=True, env=environment, check=False)  # noqa: S603
    if outcome.returncode != 0:
        raise _failure(draft, spec.name, outcome.stderr)


def _failure(draft: Path, name: str, stderr: bytes) -> ModelError:
    """The error the export left behind, else the last line of what it said."""
    try:
        told: dict[str, Any] = json.loads((draft / FAILURE).read_bytes())
    except (OSError, ValueError):
        last = stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it was killed"]
        return ArtifactBuildFailed(f"The artifact of {name} could not be built: {last[0]}")
    error: type[ModelError] = getattr(models.errors, told["error"])
    return error(told["message"])


def _flush(folder: Path) -> None:
    """To disk, before the rename makes it count: else a power cut could leave a whole name on half a file."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
