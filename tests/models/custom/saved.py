"""Small models of users, saved to files."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

COLOURS = ["red", "green", "blue"]


def save(folder: Path, layers: list[Any], name: str = "mine.keras", labels: list[str] | None = None) -> Path:
    """A sequential model of layers, the first of which is an input, and its labels."""
    import keras

    return save_model(folder, keras.Sequential(layers), name, labels)


def save_model(folder: Path, model: Any, name: str = "mine.keras", labels: list[str] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    model.save(path)
    names = COLOURS if labels is None else labels
    path.with_suffix(".labels.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
    return path


def mean_colour(head: Any, shape: tuple[int, ...] = (8, 8, 3)) -> list[Any]:
    """Layers that average the pixels and end with ``head``."""
    from keras import Input
    from keras.layers import GlobalAveragePooling2D

    return [Input(shape), GlobalAveragePooling2D(), head]


def write_colour_model(path: Path, *, activation: str, labels: list[str], center: float = 128) -> Path:
    """A model file, written without Keras, that classifies an image of 8 × 8 pixels by its mean colour.

    It has an output for each channel, or a single one for red if there are two labels: the value of the channel minus
    ``center``, 4 at twice that.
    """
    scale = 4 / center
    units = 1 if len(labels) == 2 else 3
    tensor = {"shape": [None, 8, 8, 3], "dtype": "float32"}
    layers = [
        _layer("InputLayer", "image", {"batch_shape": tensor["shape"], "dtype": "float32"}, None),
        _layer("GlobalAveragePooling2D", "mean", {}, tensor | {"keras_history": ["image", 0, 0]}),
        _layer(
            "Dense",
            "head",
            {"units": units, "activation": activation},
            {"shape": [None, 3], "dtype": "float32", "keras_history": ["mean", 0, 0]},
        ),
    ]
    config = {"name": "colour", "layers": layers, "input_layers": ["image", 0, 0], "output_layers": ["head", 0, 0]}
    document = {"module": "keras.src.models.functional", "class_name": "Functional", "config": config}
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        variables = file.create_group("layers/dense/vars")
        variables["0"] = (np.eye(3)[:, :units] * scale).astype("float32")
        variables["1"] = np.full(units, -4, "float32")
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        # ZipInfo has a fixed time, so that equal models have equal hashes and share an artifact.
        archive.writestr(zipfile.ZipInfo("metadata.json"), json.dumps({"keras_version": "3.11.0"}))
        archive.writestr(zipfile.ZipInfo("config.json"), json.dumps(document))
        archive.writestr(zipfile.ZipInfo("model.weights.h5"), weights.getvalue())
    path.with_suffix(".labels.json").write_text(json.dumps(labels, ensure_ascii=False), encoding="utf-8")
    return path


def _layer(kind: str, name: str, config: dict[str, Any], tensor: dict[str, Any] | None) -> dict[str, Any]:
    nodes = [{"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}}] if tensor else []
    settings = {"name": name, **config}
    return {"module": "keras.layers", "class_name": kind, "config": settings, "name": name, "inbound_nodes": nodes}
