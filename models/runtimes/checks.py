"""Checks of inputs and outputs, shared by all runtimes."""

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.errors import WarmUpFailed
from models.spec import OutputKind

_ROUNDING = 0.01


def check_pixels(tensor: UInt8Array, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless the tensor is uint8 (N, height, width, channels). ``shape``: without N."""
    if tensor.dtype != np.uint8 or tensor.shape[1:] != shape or tensor.ndim != 4:
        raise ValueError(f"Pixels must be uint8 (N, {', '.join(map(str, shape))}), not {tensor.dtype} {tensor.shape}.")


def check_probabilities(probabilities: Float32Array, images: int, classes: int, kind: OutputKind) -> None:
    """Raise WarmUpFailed unless the array is float32 (images, classes) with values from 0 to 1.

    The rows of all but multi-label models must sum to 1.
    """
    if probabilities.shape != (images, classes):
        raise WarmUpFailed(f"The model returned {probabilities.shape}, but its labels require {(images, classes)}.")
    least, most = probabilities.min(), probabilities.max()
    if probabilities.dtype != np.float32 or not (least >= 0 and most <= 1 + _ROUNDING):  # NaN fails, too
        raise WarmUpFailed(f"The model's outputs are not probabilities: they range from {least:.3g} to {most:.3g}.")
    sums = probabilities.sum(axis=1)
    if kind is not OutputKind.MULTI_LABEL and not np.allclose(sums, 1, atol=_ROUNDING):
        raise WarmUpFailed(
            f"The model's outputs are not probabilities: rows sum to {sums.min():.3g} … {sums.max():.3g}."
        )
