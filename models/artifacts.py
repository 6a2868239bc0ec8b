"""The OpenVINO form of a model on disk: built once, shared by every process of the machine, verified when loaded."""

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from models import child, sealed_folder
from models.spec import KerasFileWeights, ModelSpec

FORMAT = 1
"""Raise it when the same weights would make another artifact, e.g. after a change of the architecture's code."""

FILES = ("model.xml", "model.bin")


def ensure(spec: ModelSpec, artifacts_dir: Path) -> Path:
    """The ``model.xml`` of the model, built now unless an intact one is there; ``model.bin`` lies beside it.

    Of several processes that ask at once one builds, the others wait for it. The artifact appears whole or not at all.
    Raises WeightsUnavailable, WeightsCorrupt, InvalidModel or ArtifactBuildFailed.
    """
    folder = folder_of(spec, artifacts_dir)
    sealed_folder.ensure(folder, FILES, lambda draft: _export(spec, draft))
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
    return sealed_folder.is_intact(folder, FILES)


def _export(spec: ModelSpec, draft: Path) -> None:
    child.run("models.export", draft, spec, f"The artifact of {spec.name}")
