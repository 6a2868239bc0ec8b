"""The Classifier stage: tensors to probabilities. Merges the batches that wait for the model."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.runtimes.runtime import Runtime
from serve_app.batching.adaptive_batcher import AdaptiveBatcher
from serve_app.observability import tracing
from serve_app.observability.log_context import bound_log_context
from serve_app.request_context import EMPTY, BatchContext
from serve_app.types import Classified, Preprocessed


class Classifier:
    """Runs one model. Up to ``concurrency`` model calls run concurrently, each on its own thread."""

    def __init__(self, runtime: Runtime, *, concurrency: int, max_waiting: int) -> None:
        """``max_waiting``: images that may wait for the model."""
        self.runtime = runtime
        self._attributes = {"raylens.runtime": runtime.name, "raylens.precision": runtime.precision}
        self.busy_s = 0.0
        """Total duration of the model calls since the start, seconds."""
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="inference")
        self._batcher = AdaptiveBatcher[tuple[Preprocessed, float], Classified](
            self._infer,
            slots=concurrency,
            max_batch=runtime.batch_buckets[-1],
            max_waiting=max_waiting,
        )

    @property
    def waiting_images(self) -> int:
        return self._batcher.waiting_images

    async def classify(self, batch: Preprocessed, context: BatchContext = EMPTY) -> Classified:
        """The probabilities of each row of the batch's tensor; errors among the batch's outcomes are passed on.

        Raises Overloaded if too many images wait, and DeadlineExceeded once the deadlines of all rows have passed.
        """
        arrived_at = time.time()
        images = len(batch.tensor)
        with bound_log_context(context), tracing.stage(context, "classify", self._attributes) as stage:
            if not images:
                return self._classified(batch, np.empty((0, 0), np.float32), queue_ms=0.0, inference_ms=0.0, images=0)
            classified = await self._batcher.submit((batch, arrived_at), max(batch.deadlines), images)
            started_at = arrived_at + classified.queue_ms / 1e3
            ended_at = started_at + classified.inference_ms / 1e3
            stage.add_child("inference queue", arrived_at, started_at, {})
            stage.add_child("inference", started_at, ended_at, {"raylens.inference.images": classified.batch_size})
            return classified

    async def _infer(self, batches: list[tuple[Preprocessed, float]]) -> list[Classified]:
        """``batches``: each with its arrival, Unix seconds."""
        tensors = [batch.tensor for batch, _ in batches]
        loop = asyncio.get_running_loop()
        probabilities, started_at, inference_ms = await loop.run_in_executor(self._threads, self._predict, tensors)
        self.busy_s += inference_ms / 1e3
        split = np.split(probabilities, np.cumsum([len(tensor) for tensor in tensors])[:-1])
        return [
            self._classified(batch, rows, (started_at - arrived_at) * 1e3, inference_ms, len(probabilities))
            for (batch, arrived_at), rows in zip(batches, split, strict=True)
        ]

    def _predict(self, tensors: list[UInt8Array]) -> tuple[Float32Array, float, float]:
        """float32 (sum of M, C) for all tensors, the start in Unix seconds, the duration in milliseconds."""
        started_at, started = time.time(), time.perf_counter()
        merged = tensors[0] if len(tensors) == 1 else np.concatenate(tensors)
        largest = self.runtime.batch_buckets[-1]
        probabilities = np.concatenate(
            [self.runtime.predict(merged[i : i + largest]) for i in range(0, len(merged), largest)]
        )
        if len(probabilities) != len(merged):
            raise RuntimeError(f"the model returned {len(probabilities)} rows for {len(merged)} images")
        return probabilities, started_at, (time.perf_counter() - started) * 1e3

    def _classified(
        self, batch: Preprocessed, probabilities: Float32Array, queue_ms: float, inference_ms: float, images: int
    ) -> Classified:
        return Classified(
            probabilities=probabilities,
            outcomes=batch.outcomes,
            preprocess_ms=batch.preprocess_ms,
            queue_ms=queue_ms,
            inference_ms=inference_ms,
            batch_size=images,
            runtime=self.runtime.name,
            precision=self.runtime.precision,
        )
