"""Runs the Keras model with TensorFlow, on a GPU or the CPU."""

import os

import numpy as np

from models.architectures import build_keras_model
from models.arrays import Float32Array, UInt8Array
from models.runtimes.checks import check_pixels, check_probabilities
from models.runtimes.precision import forbid_implicit_rounding
from models.spec import ModelSpec

_PRECISIONS = {"bf16": "bfloat16", "fp16": "float16"}


class TensorFlowRuntime:
    """One traced graph for all batch sizes. Batches are padded to buckets, because GPUs autotune for each shape."""

    name = "tensorflow"

    def __init__(self, spec: ModelSpec, classes: int, *, batch_buckets: tuple[int, ...], threads: int = 0) -> None:
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # replicas may share a GPU
        forbid_implicit_rounding()
        model = build_keras_model(spec)
        import tensorflow  # noqa: PLC0415 – after build_keras_model(), which reduces its logging

        # GPUs would otherwise round the inputs of convolutions to 10 bits.
        tensorflow.config.experimental.enable_tensor_float_32_execution(enabled=False)
        if threads:
            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        self.batch_buckets = tuple(sorted(set(batch_buckets)))
        self._shape = spec.transform.shape
        self._kind = spec.kind
        self._classes = classes
        pixels = tensorflow.TensorSpec((None, *self._shape), tensorflow.uint8)
        self._graph = tensorflow.function(lambda image: model(image, training=False), input_signature=[pixels])
        operations = self._graph.get_concrete_function().graph.get_operations()
        types = {output.dtype.name for operation in operations for output in operation.outputs}
        self._precision = next((name for name, dtype in _PRECISIONS.items() if dtype in types), "fp32")

    @property
    def precision(self) -> str:
        """fp32, unless the user's model itself computes in mixed precision."""
        return self._precision

    def predict(self, tensor: UInt8Array) -> Float32Array:
        check_pixels(tensor, self._shape)
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
            pixels = np.zeros((bucket, *self._shape), np.uint8)
            check_probabilities(self.predict(pixels), bucket, self._classes, self._kind)
