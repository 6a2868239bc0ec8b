"""Small models of users, saved to files."""

import json
from pathlib import Path
from typing import Any

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
