"""Checks of a model that need it to run: both runtimes agree, and the range of its input is plausible."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.labels import labels_of
from models.runtimes.loading import load_runtime
from models.spec import Adapter, KerasFileWeights, ModelSpec, OutputKind, Transform

_TOLERANCE: Final = 0.01
"""Both compute in fp32, and differ by about 0.00001."""

_CERTAIN: Final = 0.999
_SATURATED_SHARE: Final = 0.8
_SAME: Final = 0.01
"""The largest range of a probability over all images."""

_OTHER_RANGES: Final = {"0..1": Adapter((1 / 255,), (0.0,)), "-1..1": Adapter((2 / 255,), (-1.0,))}


@dataclass(frozen=True, slots=True)
class RuntimeComparison:
    """Probabilities of OpenVINO, float32 (N, C), and how far those of TensorFlow are from them."""

    probabilities: Float32Array
    largest_difference: float

    @property
    def agree(self) -> bool:
        return self.largest_difference <= _TOLERANCE


def compare_runtimes(spec: ModelSpec, pixels: UInt8Array, artifacts_dir: Path) -> RuntimeComparison:
    """Run a model on OpenVINO, building its artifact, and on TensorFlow. Raises like ``load_runtime``."""
    found = []
    for name in ("openvino", "tensorflow"):
        runtime = load_runtime(spec, runtime=name, precision="fp32", artifacts_dir=artifacts_dir, batch_buckets=(1,))
        runtime.warm_up()
        found.append(runtime.predict(pixels))
    return RuntimeComparison(found[0], float(np.abs(found[0] - found[1]).max()))


def range_warning(spec: ModelSpec, pixels: UInt8Array) -> str | None:
    """One line if the outputs hint that the model was trained on pixel values of another range.

    A model that gets values 255 times too large is certain of every image; one that gets too small values returns the
    same for all. ``pixels``: images that are checked besides generated ones.
    """
    weights = spec.weights
    if not isinstance(weights, KerasFileWeights):
        return None
    samples = np.concatenate([pixels, generated_pictures(spec.transform)])
    probabilities = _probabilities(spec, weights, weights.adapter, samples)
    if float(np.ptp(probabilities, axis=0).max()) < _SAME:
        return (
            "The model returns nearly the same for every image. It may be untrained, or trained on larger values; "
            "compare other values of `input_range` in model.yaml."
        )
    if not spec.findings or not spec.findings.warnings or _certain_share(spec.kind, probabilities) < _SATURATED_SHARE:
        return None
    for name, other in _OTHER_RANGES.items():
        adapter = replace(weights.adapter, scale=other.scale, offset=other.offset)
        if _certain_share(spec.kind, _probabilities(spec, weights, adapter, samples)) < 1 - _SATURATED_SHARE:
            return (
                f"The model is certain of every image with pixel values from 0 to 255, but not with {name}: it was "
                f"probably trained on those. Write `input_range: {name}` to model.yaml and compare."
            )
    return None


def generated_pictures(transform: Transform) -> UInt8Array:
    """Generated pictures, uint8 (16, H, W, C): plain colours, and smooth ones with some contrast, like photos."""
    random = np.random.default_rng(0)
    height, width, channels = transform.shape
    pictures = []
    for index in range(16):
        coarse = random.uniform(40, 215, (4, 4, channels)) if index % 2 else random.uniform(20, 235, (1, 1, channels))
        rows, columns = np.arange(height) * len(coarse) // height, np.arange(width) * len(coarse) // width
        pictures.append(coarse[rows][:, columns])
    return np.array(pictures).astype(np.uint8)


def _probabilities(spec: ModelSpec, weights: KerasFileWeights, adapter: Adapter, pixels: UInt8Array) -> Float32Array:
    """Of the model with another adapter."""
    from models.runtimes.tensorflow import TensorFlowRuntime  # noqa: PLC0415 – slow

    changed = replace(spec, weights=replace(weights, adapter=adapter))
    return TensorFlowRuntime(changed, len(labels_of(spec)), batch_buckets=(1,)).predict(pixels)


def _certain_share(kind: OutputKind, probabilities: Float32Array) -> float:
    """The share of images whose probabilities are all 0 or 1."""
    if kind is OutputKind.MULTI_LABEL:
        certain = np.maximum(probabilities, 1 - probabilities).min(axis=1)
    else:
        certain = probabilities.max(axis=1)
    return float((certain > _CERTAIN).mean())
