"""A fake runtime for tests and load tests: it predicts the class from the mean colour of the image."""

import time

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.runtimes.checks import check_pixels, check_probabilities
from models.spec import OutputKind

_LEVELS = 10


def class_of(image: UInt8Array, classes: int = 1000) -> int:
    """The class predicted for pixels uint8 (H, W, C).

    The mean of each channel is one decimal digit, red first. That covers 1,000 classes, and similar colours share a
    class, so that lossy compression does not change the prediction.
    """
    # Integer sums, one axis at a time: equal to the mean over both axes, but 20 times as fast.
    means = image.sum(axis=0, dtype=np.uint32).sum(axis=0) / (image.shape[0] * image.shape[1])
    digits = 0
    for mean in means:
        digits = digits * _LEVELS + int(mean * _LEVELS / 256)
    return digits % classes


class FakeRuntime:
    """Deterministic, with configurable latency. Releases the GIL while it waits, as real runtimes do."""

    name = "fake"
    precision = "fp32"

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        batch_buckets: tuple[int, ...],
        batch_latency_ms: float = 0.0,
        image_latency_ms: float = 0.0,
    ) -> None:
        self.batch_buckets = tuple(sorted(set(batch_buckets)))
        self._shape = shape
        self._classes = classes
        self._batch_latency_s = batch_latency_ms / 1e3
        self._image_latency_s = image_latency_ms / 1e3
        falling = 1.0 / (1.0 + np.arange(classes)) ** 2
        self._falling = (falling / falling.sum()).astype(np.float32)

    def predict(self, tensor: UInt8Array) -> Float32Array:
        """The class of the mean colour gets a probability of about 0.61, the following classes less and less."""
        check_pixels(tensor, self._shape)
        time.sleep(self._batch_latency_s + self._image_latency_s * len(tensor))
        rows = [np.roll(self._falling, class_of(image, self._classes)) for image in tensor]
        return np.array(rows, np.float32).reshape(len(tensor), self._classes)

    def warm_up(self) -> None:
        pixels = np.zeros((1, *self._shape), np.uint8)
        check_probabilities(self.predict(pixels), 1, self._classes, OutputKind.MULTI_CLASS)
