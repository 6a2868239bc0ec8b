"""Runs the Keras model with TensorFlow, on a GPU or the CPU."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from models.architectures import build_keras_model
from models.arrays import Float32Array, UInt8Array
from models.runtimes.checks import check_pixels, check_probabilities
from models.runtimes.precision import forbid_implicit_rounding
from models.spec import ModelSpec

if TYPE_CHECKING:
    import keras

OUTPUT = "probabilities"
"""Name of the output of a traced model."""


def trace(model: "keras.Model", shape: tuple[int, int, int]) -> Any:  # noqa: ANN401 – TensorFlow has no types
    """A graph for all batch sizes, from uint8 (N, *shape) to a dictionary with ``OUTPUT``.

    The model must outlive the graph, which refers to its variables only weakly.
    """
    import tensorflow  # noqa: PLC0415 – slow

    pixels = tensorflow.TensorSpec((None, *shape), tensorflow.uint8, name="image")
    return tensorflow.function(
        lambda image: {OUTPUT: model(image, training=False)}, input_signature=[pixels], autograph=False
    ).get_concrete_function()


class TensorFlowRuntime:
    """One traced graph for all batch sizes. Batches are padded to buckets, because GPUs autotune for each shape."""

    name = "tensorflow"
    precision = "fp32"

    def __init__(self, spec: ModelSpec, classes: int, *, batch_buckets: tuple[int, ...], threads: int = 0) -> None:
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # replicas may share a GPU
        import tensorflow  # noqa: PLC0415 – slow

        forbid_implicit_rounding()
        # GPUs would otherwise round the inputs of convolutions to 10 bits.
        tensorflow.config.experimental.enable_tensor_float_32_execution(enabled=False)
        if threads:  # only before the first operation
            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        self.batch_buckets = tuple(sorted(set(batch_buckets)))
        self._shape = spec.transform.shape
        self._kind = spec.kind
        self._classes = classes
        self._model = build_keras_model(spec)
        self._graph = trace(self._model, self._shape)

    def predict(self, tensor: UInt8Array) -> Float32Array:
        check_pixels(tensor, self._shape)
        largest = self.batch_buckets[-1]
        parts = [self._run(tensor[start : start + largest]) for start in range(0, len(tensor), largest)]
        return np.concatenate([np.empty((0, self._classes), np.float32), *parts])

    def _run(self, part: UInt8Array) -> Float32Array:
        images = len(part)
        bucket = next(size for size in self.batch_buckets if size >= images)
        padded = np.pad(part, ((0, bucket - images), (0, 0), (0, 0), (0, 0))) if bucket > images else part
        probabilities: Float32Array = self._graph(padded)[OUTPUT].numpy()[:images]
        return probabilities

    def warm_up(self) -> None:
        for bucket in self.batch_buckets:
            pixels = np.zeros((bucket, *self._shape), np.uint8)
            check_probabilities(self.predict(pixels), bucket, self._classes, self._kind)
