"""Checks of inputs and outputs, shared by all runtimes."""

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.errors import WarmUpFailed


def check_pixels(tensor: UInt8Array, size: int) -> None:
    """Raise ValueError unless the tensor is uint8 (N, size, size, 3)."""
    if tensor.dtype != np.uint8 or tensor.ndim != 4 or tensor.shape[1:] != (size, size, 3):
        raise ValueError(f"Pixels must be uint8 (N, {size}, {size}, 3), not {tensor.dtype} {tensor.shape}.")


def check_probabilities(probabilities: Float32Array, images: int, classes: int) -> None:
    """Raise WarmUpFailed unless the array is float32 (images, classes) and each row sums to 1."""
    if probabilities.shape != (images, classes):
        raise WarmUpFailed(f"The model returned {probabilities.shape}, but its labels require {(images, classes)}.")
    sums = probabilities.sum(axis=1)
    if probabilities.dtype != np.float32 or probabilities.min() < 0 or not np.allclose(sums, 1, atol=0.01):
        raise WarmUpFailed(
            f"The model's outputs are not probabilities: rows sum to {sums.min():.3g} … {sums.max():.3g}."
        )
