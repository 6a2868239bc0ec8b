"""Runs the Keras model with TensorFlow, on a GPU or the CPU."""

import os

import numpy as np

from models.architectures import build_keras_model
from models.arrays import Float32Array, UInt8Array
from models.runtimes.checks import check_pixels, check_probabilities
from models.spec import ModelSpec


class TensorFlowRuntime:
    """One traced graph for all batch sizes. Batches are padded to buckets, because GPUs autotune for each shape."""

    name = "tensorflow"
    precision = "fp32"

    def __init__(self, spec: ModelSpec, classes: int, *, batch_buckets: tuple[int, ...], threads: int = 0) -> None:
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # replicas may share a GPU
        model = build_keras_model(spec)
        import tensorflow  # noqa: PLC0415 – after build_keras_model(), which reduces its logging

        if threads:
            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        self.batch_buckets = tuple(sorted(set(batch_buckets)))
        self._size = spec.transform.size
        self._classes = classes
        pixels = tensorflow.TensorSpec((None, self._size, self._size, 3), tensorflow.uint8)
        self._graph = tensorflow.function(lambda image: model(image, training=False), input_signature=[pixels])

    def predict(self, tensor: UInt8Array) -> Float32Array:
        check_pixels(tensor, self._size)
        largest = self.batch_buckets[-1]
        parts = [self._run(tensor[start : start + largest]) for start in range(0, len(tensor), largest)]
        return np.concatenate([np.empty((0, self._classes), np.float32), *parts])

    def _run(self, part: UInt8Array) -> Float32Array:
        images = len(part)
        bucket = next(size for size in self.batch_buckets if size >= images)
        padded = np.pad(part, ((0, bucket - images), (0, 0), (0, 0), (0, 0))) if bucket > images else part
        probabilities: Float32Array = self._graph(padded).numpy()[:images]
        return probabilities

    def warm_up(self) -> None:
        for bucket in self.batch_buckets:
            check_probabilities(
                self.predict(np.zeros((bucket, self._size, self._size, 3), np.uint8)), bucket, self._classes
            )
