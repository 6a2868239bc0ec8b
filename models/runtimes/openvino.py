"""Runs a model's OpenVINO artifact on the CPU, without Keras."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import openvino

from models.arrays import Float32Array, UInt8Array
from models.runtimes.checks import check_pixels, check_warm

PRECISIONS = {"fp32": "f32", "bf16": "bf16"}

CHUNK = 2
"""Images computed at once by a stream. More are no faster, and each takes 9 MiB of activations in each stream."""


class _Compiled:
    """The model for so many streams, with an infer request for each; more callers than that wait their turn."""

    def __init__(self, model: openvino.Model, streams: int, config: dict[str, Any]) -> None:
        self.streams = streams
        self.model = openvino.Core().compile_model(model, "CPU", config | {"NUM_STREAMS": streams})
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(streams):
            self._requests.put(self.model.create_infer_request())

    def infer(self, chunk: UInt8Array) -> Float32Array:
        """Pixels are read in place, unless they are a view or read-only.

        The answer is copied out, since the request's memory is used again.
        """
        pixels = np.require(chunk, requirements=["C", "W"])
        request = self._requests.get()
        try:
            request.infer([openvino.Tensor(pixels, shared_memory=True)])
            probabilities: Float32Array = request.get_output_tensor().data.copy()
        finally:
            self._requests.put(request)
        return probabilities


class OpenVINORuntime:
    """One image at a time is computed by all threads together; of a batch, each thread computes images of its own.

    Threads that share an image wait for each other at every layer, and all of them where another process has taken a
    core. The batch size is free, so nothing is padded.
    """

    name = "openvino"

    def __init__(
        self,
        model_xml: Path,
        classes: int,
        *,
        batch_buckets: tuple[int, ...],
        precision: str = "auto",
        threads: int = 0,
    ) -> None:
        """``threads``: 0 is one for each core."""
        self.batch_buckets = tuple(sorted(set(batch_buckets)))
        self._classes = classes
        # Pinned threads of several replicas would meet on the same cores.
        config: dict[str, Any] = {"ENABLE_CPU_PINNING": False}
        if threads:
            config["INFERENCE_NUM_THREADS"] = threads
        if precision in PRECISIONS:  # an int8 artifact is that by its layers
            config["INFERENCE_PRECISION_HINT"] = PRECISIONS[precision]
        model = openvino.Core().read_model(model_xml)
        self._is_int8 = any(layer.get_type_name() == "FakeQuantize" for layer in model.get_ops())
        self._together = _Compiled(model, 1, config)
        streams: int = self._together.model.get_property("INFERENCE_NUM_THREADS")
        self._apart = _Compiled(model, streams, config) if streams > 1 else self._together
        self._size: int = model.input(0).partial_shape[1].get_length()
        self._workers = ThreadPoolExecutor(streams, thread_name_prefix="openvino")

    @property
    def precision(self) -> str:
        if self._is_int8:
            return "int8"
        ran: str = self._together.model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        return next((ours for ours, theirs in PRECISIONS.items() if theirs == ran), ran)

    def predict(self, tensor: UInt8Array) -> Float32Array:
        check_pixels(tensor, self._size)
        if not len(tensor):
            return np.empty((0, self._classes), np.float32)
        if len(tensor) < self._apart.streams:
            return self._together.infer(tensor)
        chunks = np.array_split(tensor, self._number_of_chunks(len(tensor)))
        run = map if len(chunks) == 1 or self._apart.streams == 1 else self._workers.map
        return np.concatenate(list(run(self._apart.infer, chunks)))

    def _number_of_chunks(self, images: int) -> int:
        """A multiple of the streams, so that none idles while another computes the rest."""
        streams = self._apart.streams
        return min(images, streams * math.ceil(images / (CHUNK * streams)))

    def warm_up(self) -> None:
        for bucket in self.batch_buckets:
            check_warm(self.predict(np.zeros((bucket, self._size, self._size, 3), np.uint8)), bucket, self._classes)
