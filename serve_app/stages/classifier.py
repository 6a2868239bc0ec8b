"""The second stage: tensors in, probabilities out. Merges the batches that wait for the model."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.runtimes.runtime import Runtime
from serve_app.batching.adaptive_batcher import AdaptiveBatcher
from serve_app.observability import tracing
from serve_app.observability.log_context import bound_log_context
from serve_app.request_context import EMPTY, BatchContext
from serve_app.types import Classified, Preprocessed


@dataclass(frozen=True, slots=True)
class _Inference:
    """What the model said of one incoming batch."""

    probabilities: Float32Array
    started_at: float
    inference_ms: float
    batch_size: int


class Classifier:
    """Runs one model. ``concurrency`` model calls run at once, each on a thread of its own."""

    def __init__(self, runtime: Runtime, *, concurrency: int, max_waiting: int) -> None:
        self.runtime = runtime
        self._about = {"raylens.runtime": runtime.name, "raylens.precision": runtime.precision}
        self.busy_s = 0.0
        """Seconds of model calls since the start."""
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="inference")
        self._merger = AdaptiveBatcher[UInt8Array, _Inference](
            self._infer,
            slots=concurrency,
            max_batch=runtime.batch_buckets[-1],
            max_waiting=max_waiting,
        )

    @property
    def waiting_images(self) -> int:
        return self._merger.waiting_images

    async def classify(self, batch: Preprocessed, context: BatchContext = EMPTY) -> Classified:
        """Probabilities for each row of the batch's tensor; the batch's other outcomes pass through.

        Raises Overloaded when too many images wait, DeadlineExceeded when nobody waits for any row any more.
        """
        arrived = time.time()
        with bound_log_context(context), tracing.stage(context, "classify", self._about) as stage:
            if len(batch.tensor):
                inference = await self._merger.submit(batch.tensor, max(batch.deadlines), len(batch.tensor))
                ended_at = inference.started_at + inference.inference_ms / 1e3
                stage.add_child("inference queue", arrived, inference.started_at, {})
                stage.add_child(
                    "inference", inference.started_at, ended_at, {"raylens.inference.images": inference.batch_size}
                )
            else:
                inference = _Inference(np.empty((0, 0), np.float32), arrived, 0.0, 0)
        return Classified(
            probabilities=inference.probabilities,
            outcomes=batch.outcomes,
            preprocess_ms=batch.preprocess_ms,
            queue_ms=(inference.started_at - arrived) * 1e3,
            inference_ms=inference.inference_ms,
            batch_size=inference.batch_size,
            runtime=self.runtime.name,
            precision=self.runtime.precision,
        )

    async def _infer(self, tensors: list[UInt8Array]) -> list[_Inference]:
        inferences = await asyncio.get_running_loop().run_in_executor(self._threads, self._predict, tensors)
        self.busy_s += inferences[0].inference_ms / 1e3
        return inferences

    def _predict(self, tensors: list[UInt8Array]) -> list[_Inference]:
        started_at, started = time.time(), time.perf_counter()
        merged = tensors[0] if len(tensors) == 1 else np.concatenate(tensors)
        largest = self.runtime.batch_buckets[-1]
        probabilities = np.concatenate(
            [self.runtime.predict(merged[i : i + largest]) for i in range(0, len(merged), largest)]
        )
        if len(probabilities) != len(merged):
            raise RuntimeError(f"the model answered {len(probabilities)} of {len(merged)} images")
        elapsed_ms = (time.perf_counter() - started) * 1e3
        ends = np.cumsum([len(tensor) for tensor in tensors])
        return [_Inference(part, started_at, elapsed_ms, len(merged)) for part in np.split(probabilities, ends[:-1])]

    async def close(self) -> None:
        await self._merger.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
