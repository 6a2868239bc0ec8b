"""Statistics of what the layers of a model take as input: all that int8 quantization needs besides the weights."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.errors import StatisticsMismatch
from models.quantization_report import QuantizationReport
from models.spec import ApplicationWeights, ModelSpec

PACKAGED: Final = Path(__file__).with_name("int8")
"""Statistics of the models whose weights come in packages; README.md there says how they are made, and from what."""

_DIGITS: Final = 4
"""Significant digits in files."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerStatistics:
    """Of one layer's input, over all photos and positions."""

    low: float
    """The least value, at most 0."""
    high: float
    """The greatest value, at least 0."""
    mean: Float32Array
    """The mean of each channel, float32 (C,)."""


@dataclass(frozen=True, slots=True, eq=False)
class ActivationStatistics:
    layers: tuple[LayerStatistics, ...]
    """In the order of ``openvino_int8.quantizable_layers``."""
    photos: int
    """How many photos they were measured on."""
    photos_sha256: str
    """Of the decoded photos, to tell whether a repetition used the same ones."""
    weights_sha256: str | None = None
    """The weights they belong to; None where these have no checksum."""
    report: QuantizationReport | None = None
    """Comparison of the resulting int8 model with fp32."""

    @property
    def digest(self) -> str:
        """Eight hex digits that change with the numbers."""
        numbers = [number for layer in self.layers for number in (layer.low, layer.high, *layer.mean)]
        return hashlib.sha256(np.array(numbers, np.float32).tobytes()).hexdigest()[:8]

    def check_weights(self, spec: ModelSpec) -> None:
        """Raise StatisticsMismatch unless they were measured with the weights of the model."""
        expected = weights_sha256(spec)
        if self.weights_sha256 != expected:
            raise StatisticsMismatch(
                f"The int8 statistics do not fit the weights of {spec.name}: they were measured with weights of sha256 "
                f"{_short(self.weights_sha256)}, not {_short(expected)}. {advice(spec)}"
            )

    def without_speed(self) -> "ActivationStatistics":
        """For use on other machines."""
        return replace(self, report=self.report and replace(self.report, speedup=None))

    def write(self, path: Path) -> None:
        layers = [
            {"low": _rounded(layer.low), "high": _rounded(layer.high), "mean": [_rounded(mean) for mean in layer.mean]}
            for layer in self.layers
        ]
        head: dict[str, Any] = {
            "weights_sha256": self.weights_sha256,
            "photos": self.photos,
            "photos_sha256": self.photos_sha256,
            "report": asdict(self.report) if self.report else None,
        }
        # One line a layer, so that a difference between two versions is readable.
        lines = ",\n".join(json.dumps(layer, separators=(",", ":")) for layer in layers)
        path.write_text(f'{json.dumps(head, indent=1)[:-2]},\n "layers": [\n{lines}\n]}}\n')

    @classmethod
    def read(cls, path: Path) -> "ActivationStatistics":
        """Raises StatisticsMismatch if the file is damaged, OSError if it cannot be read."""
        try:
            content: dict[str, Any] = json.loads(path.read_bytes())
            layers = tuple(
                LayerStatistics(layer["low"], layer["high"], np.array(layer["mean"], np.float32))
                for layer in content.pop("layers")
            )
            report = content.pop("report")
            return cls(layers, report=QuantizationReport(**report) if report else None, **content)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise StatisticsMismatch(f"{path} is damaged ({error}); reinstall Raylens.") from None


def packaged_statistics(spec: ModelSpec) -> Path | None:
    """The file with the statistics of a model of the zoo; None if Raylens has none for it."""
    path = PACKAGED / f"{spec.name}.json"
    return path if spec.labels is None and path.is_file() else None


def weights_sha256(spec: ModelSpec) -> str | None:
    return None if isinstance(spec.weights, ApplicationWeights) else spec.weights.sha256


def pixels_sha256(pixels: UInt8Array) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def advice(spec: ModelSpec) -> str:
    return (
        f"Calibrate on your own photos with `raylens models calibrate {spec.name} FOLDER_OF_PHOTOS`, "
        "or set precision to auto."
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _short(digest: str | None) -> str:
    return f"{digest[:16]}…" if digest else "unknown"
