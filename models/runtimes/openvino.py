"""Runs a model's OpenVINO artifact on the CPU, without Keras."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import openvino

from models.runtimes import Float32Array, UInt8Array
from models.runtimes.checks import check_pixels, check_warm

PRECISIONS = {"fp32": "f32", "bf16": "bf16"}

CHUNK = 4
"""Images computed at once by a stream. More are no faster, and their activations fall out of the processor's caches."""


class OpenVINORuntime:
    """One compiled model with a pool of infer requests, one a stream; more callers than that wait their turn.

    The batch size is free, so nothing is padded: a large batch is cut into even chunks, spread over the streams.
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
        streams: int = 1,
    ) -> None:
        self.batch_buckets = tuple(sorted(set(batch_buckets)))
        self._classes = classes
        self._streams = streams
        # Pinned threads of several replicas would meet on the same cores.
        config: dict[str, Any] = {"NUM_STREAMS": streams, "ENABLE_CPU_PINNING": False}
        if threads:
            config["INFERENCE_NUM_THREADS"] = threads
        if precision != "auto":
            config["INFERENCE_PRECISION_HINT"] = PRECISIONS[precision]
        self._model = openvino.Core().compile_model(str(model_xml), "CPU", config)
        self._size: int = self._model.input(0).partial_shape[1].get_length()
        self._workers = ThreadPoolExecutor(streams, thread_name_prefix="openvino")
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(streams):
            self._requests.put(self._model.create_infer_request())

    @property
    def precision(self) -> str:
        ran: str = self._model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        return next((ours for ours, theirs in PRECISIONS.items() if theirs == ran), ran)

    def predict(self, tensor: UInt8Array) -> Float32Array:
        check_pixels(tensor, self._size)
        if not len(tensor):
            return np.empty((0, self._classes), np.float32)
        chunks = np.array_split(tensor, self._number_of_chunks(len(tensor)))
        run = map if self._streams == 1 else self._workers.map
        return np.concatenate(list(run(self._infer, chunks)))

    def _number_of_chunks(self, images: int) -> int:
        """A multiple of the streams, so that none idles while another computes the rest."""
        return min(images, self._streams * math.ceil(images / (CHUNK * self._streams)))

    def _infer(self, chunk: UInt8Array) -> Float32Array:
        """Pixels are read in place, unless they are a view or read-only, as those from Ray's shared memory are.

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

    def warm_up(self) -> None:
        for bucket in self.batch_buckets:
            check_warm(self.predict(np.zeros((bucket, self._size, self._size, 3), np.uint8)), bucket, self._classes)
