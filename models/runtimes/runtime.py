"""The interface that every runtime implements."""

from typing import Protocol

from models.arrays import Float32Array, UInt8Array

BATCH_BUCKETS = (1, 2, 4, 8, 16, 32)


class Runtime(Protocol):
    """A loaded model. ``predict`` may be called from several threads at once."""

    @property
    def name(self) -> str:
        """``openvino``, ``tensorflow`` or ``fake``."""

    @property
    def precision(self) -> str:
        """What the arithmetic really is on this machine: ``fp32``, ``bf16`` or ``int8``."""

    @property
    def batch_buckets(self) -> tuple[int, ...]:
        """Batch sizes it is warmed up for, ascending."""

    def predict(self, tensor: UInt8Array) -> Float32Array:
        """RGB pixels uint8 (N, size, size, 3) → probabilities float32 (N, C), rows in the order of the pixels.

        Any N from 0 on; the largest bucket is what to send at most for the best speed.
        Raises ValueError for a tensor of another shape or type.
        """

    def warm_up(self) -> None:
        """Run every bucket once. Raises WarmUpFailed where the outcome isn't rows of C probabilities."""
