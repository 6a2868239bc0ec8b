"""Runs OpenVINO artifacts on the CPU, without importing Keras."""

import math
from collections import deque
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import openvino

from models.arrays import Float32Array, UInt8Array
from models.errors import PrecisionUnavailable
from models.runtimes.checks import check_pixels, check_probabilities
from models.runtimes.cpu_quota import cores_within_quota
from models.runtimes.precision import forbid_implicit_rounding
from models.spec import OutputKind

_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
"""OpenVINO's precision of layers that are not quantized. It is always set, as the default depends on the processor."""

_CHUNK = 2
"""Images per inference request of a stream. More are no faster and need 9 MiB of activations each."""


def check_processor(precision: str) -> None:
    """Raise PrecisionUnavailable for bf16 on a processor that has no instructions for it.

    OpenVINO would compute in fp32 with AVX2, and emulate bf16 with AVX-512 in four times the time of fp32.
    """
    if precision == "bf16" and "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise PrecisionUnavailable(
            "This processor has no instructions for bf16 (AVX512_BF16 or AMX). Set precision to auto or fp32."
        )


class _Compiled:
    """The model compiled for a number of streams, with a pool of one inference request per stream."""

    def __init__(self, model: openvino.Model, streams: int, config: dict[str, Any]) -> None:
        self.streams = streams
        self.model = openvino.Core().compile_model(model, "CPU", config | {"NUM_STREAMS": streams})
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(streams):
            self._requests.put(self.model.create_infer_request())

    def infer(self, chunks: list[UInt8Array]) -> list[Float32Array]:
        """Run the chunks on as many streams as are free, at least one, and return their outputs in order.

        OpenVINO's threads compute while this one waits; handing each chunk to a thread of Python costs twice as much.
        Pixels are passed without a copy unless they are a view or read-only. The outputs are copied, because the
        request reuses its memory.
        """
        outputs: list[Float32Array] = []
        running: deque[Any] = deque()
        arrays = [np.require(chunk, requirements=["C", "W"]) for chunk in chunks]  # kept until all requests end
        try:
            for chunk in arrays:
                running.append(request := self._take(running, outputs))
                request.set_input_tensor(openvino.Tensor(chunk, shared_memory=True))
                request.start_async()
            while running:
                outputs.append(_output_of(running[0]))
                self._requests.put(running.popleft())
        finally:
            for request in running:  # after an error
                with suppress(RuntimeError):
                    request.wait()
                self._requests.put(request)
        return outputs

    def _take(self, running: "deque[Any]", outputs: list[Float32Array]) -> Any:  # noqa: ANN401
        """A free request, otherwise the oldest one of this caller, so that no two callers wait for each other."""
        try:
            return self._requests.get(block=not running)
        except Empty:
            outputs.append(_output_of(running[0]))
            return running.popleft()


def _output_of(request: Any) -> Float32Array:  # noqa: ANN401
    request.wait()
    output: Float32Array = request.get_output_tensor().data.copy()
    return output


class OpenVINORuntime:
    """All threads share the computation of a single image; in larger batches each thread computes its own images.

    Threads that share an image synchronize after every layer, so a core taken by another process delays them all.
    The batch size is dynamic, so nothing is padded.
    """

    name = "openvino"

    def __init__(
        self,
        model_xml: Path,
        classes: int,
        *,
        batch_buckets: tuple[int, ...],
        kind: OutputKind = OutputKind.MULTI_CLASS,
        precision: str = "fp32",
        threads: int = 0,
    ) -> None:
        """``precision``: fp32, bf16, or int8 for an int8 artifact. ``threads``: 0 for one per core.

        A CPU limit of the container counts as so many cores.
        Raises PrecisionUnavailable if the processor does not compute in the precision.
        """
        check_processor(precision)
        forbid_implicit_rounding()
        self.batch_buckets = tuple(sorted(set(batch_buckets)))
        self._classes = classes
        self._kind = kind
        # Pinned threads of several replicas would share the same cores.
        config: dict[str, Any] = {"ENABLE_CPU_PINNING": False, "INFERENCE_PRECISION_HINT": _HINTS[precision]}
        threads = threads or cores_within_quota() or 0
        if threads:
            config["INFERENCE_NUM_THREADS"] = threads
        model = openvino.Core().read_model(model_xml)
        self._is_int8 = any(layer.get_type_name() == "FakeQuantize" for layer in model.get_ops())
        self._shared = _Compiled(model, 1, config)
        streams: int = self._shared.model.get_property("INFERENCE_NUM_THREADS")
        self._parallel = _Compiled(model, streams, config) if streams > 1 else self._shared
        self._shape = tuple(side.get_length() for side in list(model.input(0).partial_shape)[1:])

    @property
    def precision(self) -> str:
        """What OpenVINO uses, which is not always what it was asked for."""
        if self._is_int8:
            return "int8"
        actual: str = self._shared.model.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        return next((name for name, hint in _HINTS.items() if hint == actual), actual)

    def predict(self, tensor: UInt8Array) -> Float32Array:
        check_pixels(tensor, self._shape)
        if not len(tensor):
            return np.empty((0, self._classes), np.float32)
        if len(tensor) < self._parallel.streams:
            return self._shared.infer([tensor])[0]
        chunks = np.array_split(tensor, self._number_of_chunks(len(tensor)))
        return np.concatenate(self._parallel.infer(chunks))

    def _number_of_chunks(self, images: int) -> int:
        """A multiple of the number of streams, so that none is idle during the last chunks."""
        streams = self._parallel.streams
        return min(images, streams * math.ceil(images / (_CHUNK * streams)))

    def warm_up(self) -> None:
        for bucket in self.batch_buckets:
            pixels = np.zeros((bucket, *self._shape), np.uint8)
            check_probabilities(self.predict(pixels), bucket, self._classes, self._kind)
