"""The interface of all runtimes."""

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
        """What the model computes in on this machine: ``fp32``, ``bf16``, ``int8``, or ``fp16`` in TensorFlow."""

    @property
    def batch_buckets(self) -> tuple[int, ...]:
        """Batch sizes used for warm-up, ascending. The largest one is the recommended maximum per call."""

    def predict(self, tensor: UInt8Array) -> Float32Array:
        """RGB or grey pixels uint8 (N, H, W, C), N ≥ 0 → probabilities float32 (N, C).

        Raises ValueError for a tensor of another shape or type.
        """

    def warm_up(self) -> None:
        """Run each bucket once. Raises WarmUpFailed if the outputs are not (N, C) probabilities."""
