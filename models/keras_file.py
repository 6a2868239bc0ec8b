"""Reads the spec of a user's ``.keras`` file without importing Keras."""

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from models.errors import InvalidModel, UnknownModelError
from models.spec import KerasFileWeights, ModelSpec, Transform


def spec_of_file(name: str) -> ModelSpec:
    """Derive the spec from the file: its name from the file name, its version from the hash, a crop of 1.0.

    The labels are in ``NAME.labels.json`` or ``labels.json`` in the same folder. Raises UnknownModelError if the file
    does not exist, InvalidModel if the model does not take square RGB images of a fixed size or has no labels.
    """
    path = Path(name).expanduser().absolute()
    if not path.is_file():
        raise UnknownModelError(f"There is no model file {path}.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ModelSpec(
        name=re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()),
        title=path.stem,
        version=digest[:12],
        transform=Transform.square(_input_size(path), crop=1.0),
        parameters=None,
        top1=None,
        license="the user's own",
        weights=KerasFileWeights(path, digest),
        labels=_labels_beside(path),
    )


def _labels_beside(path: Path) -> Path:
    candidates = (path.with_suffix(".labels.json"), path.with_name("labels.json"))
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise InvalidModel(f"{path} needs a labels file in the same folder: {candidates[0].name} or {candidates[1].name}.")


def _input_size(path: Path) -> int:
    try:
        with zipfile.ZipFile(path) as archive:
            shape = _input_shape(json.loads(archive.read("config.json")))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidModel(f"{path} is not a .keras file: {error}") from error
    match shape:
        case [_, int(height), int(width), 3] if height == width:
            return height
        case _:
            raise InvalidModel(f"{path} must take square RGB images of a fixed size (N, H, H, 3), not {shape}.")


def _input_shape(config: dict[str, Any]) -> Any:  # noqa: ANN401 – any JSON value
    """The shape of the first input layer (functional and sequential models), else the model's build shape."""
    inner = config.get("config", {})
    for layer in inner.get("layers", []):
        if layer.get("class_name") == "InputLayer":
            return layer["config"].get("batch_shape")
    return config.get("build_config", {}).get("input_shape")
