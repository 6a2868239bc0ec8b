"""A runtime for tests and for measuring everything but the model: the colour of an image decides its class."""

import time

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.runtimes.checks import check_pixels, check_warm

LEVELS = 10


def class_of(image: UInt8Array, classes: int = 1000) -> int:
    """The class the fake answers for the pixels uint8 (H, W, 3).

    Each channel's mean becomes a decimal digit, red first: all of 1,000 classes can be reached, and neighbouring
    colours share one, so that a lossy file of one colour still gets what its colour should.
    """
    # A row at a time, in whole numbers: the same as the mean of both axes, in a twentieth of its millisecond.
    means = image.sum(axis=0, dtype=np.uint32).sum(axis=0) / (image.shape[0] * image.shape[1])
    red, green, blue = (int(mean * LEVELS / 256) for mean in means)
    return (red * LEVELS * LEVELS + green * LEVELS + blue) % classes


class FakeRuntime:
    """Deterministic, takes the time it is told, and frees the interpreter meanwhile as real runtimes do."""

    name = "fake"
    precision = "fp32"

    def __init__(
        self,
        size: int,
        classes: int,
        *,
        batch_buckets: tuple[int, ...],
        batch_latency_ms: float = 0.0,
        image_latency_ms: float = 0.0,
    ) -> None:
        self.batch_buckets = tuple(sorted(set(batch_buckets)))
        self._size = size
        self._classes = classes
        self._batch_latency_s = batch_latency_ms / 1e3
        self._image_latency_s = image_latency_ms / 1e3
        falling = 1.0 / (1.0 + np.arange(classes)) ** 2
        self._falling = (falling / falling.sum()).astype(np.float32)

    def predict(self, tensor: UInt8Array) -> Float32Array:
        """The class of the colour first, at about 0.61 for 1,000 classes, then the classes after it in order."""
        check_pixels(tensor, self._size)
        time.sleep(self._batch_latency_s + self._image_latency_s * len(tensor))
        rows = [np.roll(self._falling, class_of(image, self._classes)) for image in tensor]
        return np.array(rows, np.float32).reshape(len(tensor), self._classes)

    def warm_up(self) -> None:
        pixels = np.zeros((1, self._size, self._size, 3), np.uint8)
        check_warm(self.predict(pixels), 1, self._classes)
