"""OpenVINO artifacts on disk: built once per machine, shared by all processes, verified on load."""

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from models import atomic_folder, child_process
from models.errors import ArtifactBuildFailed
from models.spec import ModelSpec

ARTIFACT_FORMAT = 2
"""Increment when the same weights produce a different artifact, e.g. after a change to the architecture code."""

ARTIFACT_FILES = ("model.xml", "model.bin")


def ensure_artifact(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """Return the path of ``model.xml``, which has ``model.bin`` beside it. Build both if they are missing or corrupt.

    Concurrent callers wait for a single build. The artifact becomes visible only when it is complete.
    Raises WeightsUnavailable, WeightsCorrupt, InvalidModel or ArtifactBuildFailed.
    """
    folder = artifact_folder(spec, artifacts_dir)
    try:
        atomic_folder.ensure(folder, ARTIFACT_FILES, lambda draft: _export(spec, draft))
    except OSError as error:
        raise ArtifactBuildFailed(
            f"The artifact of {spec.name} could not be stored in {artifacts_dir}: {error.strerror or error}"
        ) from None
    return folder / "model.xml"


def artifact_folder(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """The folder of the artifact, which may not exist yet."""
    return artifacts_dir / f"{spec.name}-{artifact_key(spec)}"


def artifact_key(spec: ModelSpec) -> str:
    """16 hex digits that depend on the weights, the input transform and the library versions."""
    weights = {name: value for name, value in asdict(spec.weights).items() if name != "path"}
    content = {
        "format": ARTIFACT_FORMAT,
        "weights": {"type": type(spec.weights).__name__, "version": spec.version, **weights},
        "transform": asdict(spec.transform),
        "kind": spec.kind,
        "libraries": {name: version(name) for name in ("keras", "tensorflow", "openvino")},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _export(spec: ModelSpec, draft: Path) -> None:
    child_process.run("models.export", draft, spec, f"The artifact of {spec.name}")
