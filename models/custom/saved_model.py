"""Reads the configuration and single weights of ``.keras`` and ``.h5`` files without Keras."""

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import InvalidModel

Config = dict[str, Any]
"""The JSON of a layer or model: ``class_name`` and ``config``."""

SUFFIXES = (".keras", ".h5", ".hdf5")
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

_MAX_CONFIG = 64 << 20
"""Bytes of a configuration. That of NASNetMobile, with 769 layers, takes 0.8 MB."""


def is_model_file(name: str) -> bool:
    """Whether the name is that of a file rather than of a model of the zoo."""
    return name.casefold().endswith(SUFFIXES) or "/" in name or name.startswith("~")


def is_hdf5(path: Path) -> bool:
    """Whether the content is HDF5, whatever the suffix: earlier versions of Keras also wrote it to ``.keras`` files."""
    with path.open("rb") as file:
        return file.read(len(_HDF5_SIGNATURE)) == _HDF5_SIGNATURE


class SavedModel:
    """A model file. Raises InvalidModel if it is not one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_hdf5 = is_hdf5(path)
        self.config: Config = _hdf5_config(path) if self.is_hdf5 else _zip_config(path)
        inner = self.config.get("config") if isinstance(self.config, dict) else None
        if not isinstance(inner, dict) or not isinstance(inner.get("layers"), list):
            raise InvalidModel(
                f"{path} is no functional or sequential model. Raylens has no code of your own classes; rebuild it "
                "with keras.Model(inputs, outputs) and save it again."
            )

    def variables(self, layer: str, parts: Sequence[tuple[str, int]], names: Sequence[str]) -> list[list[float]] | None:
        """Values of variables of a layer, or None if they cannot be found.

        ``layer``: its name, as in HDF5 files. ``parts``: class name and number among the layers of that class, from the
        outermost model to the layer, as in ``.keras`` files. ``names``: of all variables of the layer, in order.
        """
        try:
            if self.is_hdf5:
                return _hdf5_variables(self.path, layer, names)
            return _zip_variables(self.path, parts, len(names))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            return None


def _zip_config(path: Path) -> Config:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > _MAX_CONFIG:
                raise ValueError(f"its config.json has more than {_MAX_CONFIG >> 20} MiB")
            config: Config = json.loads(archive.read("config.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, RuntimeError) as error:  # the last: encrypted
        reason = "it contains no config.json" if isinstance(error, KeyError) else str(error)
        fault = "an HDF5 file" if path.suffix.casefold() in SUFFIXES[1:] else f"a .keras file: {reason}"
        raise InvalidModel(f"{path} is not {fault}. Save it with model.save('x.keras').") from error
    return config


def _hdf5_config(path: Path) -> Config:
    import h5py  # noqa: PLC0415 – slow, and few need it

    try:
        with h5py.File(path) as file:
            text = file.attrs.get("model_config")
    except OSError as error:
        raise InvalidModel(f"{path} is not an HDF5 file: {error}") from error
    if text is None:
        raise InvalidModel(f"{path} contains only weights; save the whole model with model.save('x.keras').")
    try:
        config: Config = json.loads(text)
    except ValueError as error:
        raise InvalidModel(f"{path} has a damaged configuration: {error}") from error
    return config


def _zip_variables(path: Path, parts: Sequence[tuple[str, int]], count: int) -> list[list[float]]:
    import h5py  # noqa: PLC0415

    place = "/".join(f"layers/{_snake_case(kind)}{f'_{number}' if number else ''}" for kind, number in parts)
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as member, h5py.File(member) as file:
        variables = file[f"{place}/vars"]
        return [[float(x) for x in variables[str(index)][()].reshape(-1)] for index in range(count)]


def _hdf5_variables(path: Path, layer: str, names: Sequence[str]) -> list[list[float]]:
    import h5py  # noqa: PLC0415

    found: dict[str, list[float]] = {}

    def collect(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name.rpartition("/")[2].partition(":")[0]] = [float(x) for x in item[()].reshape(-1)]

    with h5py.File(path) as file:
        file["model_weights"][layer].visititems(collect)
    return [found[name] for name in names]


def _snake_case(name: str) -> str:
    """As Keras names the folders of weights."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()
