"""The Results stage: ranks the classes of each image and records each answered image durably."""

import time
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from models.arrays import Float32Array, UInt16Array
from models.labels import Labels
from serve_app.batching.group_commit import GroupCommit
from serve_app.errors import RaylensError, StorageUnavailable
from serve_app.observability import tracing
from serve_app.observability.log_context import bound_log_context
from serve_app.request_context import EMPTY, BatchContext
from serve_app.statistics.records import record_of
from serve_app.types import Answer, CachedResult, Classified, ImageInfo, Query, Record

_MAX_RECORDS: Final = 256
"""Of calls that share a transaction, so that none waits for a long one."""


class RecordSink(Protocol):
    """Stores records durably and exactly once per id."""

    def record_together(self, calls: Sequence[Sequence[Record]]) -> Sequence[Exception | None]:
        """Returns once the records of all calls are durable: None for each call, or why it was refused."""


def rank(probabilities: Float32Array) -> tuple[UInt16Array, Float32Array]:
    """Class indices, uint16 (N, C), and their probabilities, float32 (N, C), most probable first; ties by index."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    return order.astype(np.uint16), np.take_along_axis(probabilities, order, axis=1)


class Results:
    """Ranks and records. All calls that wait are recorded in one transaction, on a thread beside the event loop."""

    def __init__(self, labels: dict[str, Labels], versions: dict[str, str], sink: RecordSink) -> None:
        self._labels = labels
        self._versions = versions
        self._commits = GroupCommit(sink.record_together, max_items=_MAX_RECORDS, name="records")

    async def finish(
        self, model: str, queries: list[Query], classified: Classified, context: BatchContext = EMPTY
    ) -> list[Answer | RaylensError]:
        """One answer or error per query, in order. Answers are recorded before this returns; others are errors."""
        with bound_log_context(context), tracing.stage(context, "results") as stage:
            return await self._finish(model, queries, classified, stage)

    async def _finish(
        self, model: str, queries: list[Query], classified: Classified, stage: tracing.StageSpan
    ) -> list[Answer | RaylensError]:
        if len(classified.outcomes) != len(queries):
            raise RuntimeError(f"{len(queries)} queries, {len(classified.outcomes)} outcomes")
        rankings = zip(*rank(classified.probabilities), strict=True)
        answers: list[Answer | RaylensError] = [
            self._answer(model, outcome, *next(rankings), classified) if isinstance(outcome, ImageInfo) else outcome
            for outcome in classified.outcomes
        ]
        now = time.time()
        records = [
            record_of(query, answer.result, self._labels[model], answered_at=now, cached=False, answer=answer)
            for query, answer in zip(queries, answers, strict=True)
            if isinstance(answer, Answer)
        ]
        if records:
            refused = await self.record(records)
            stage.add_child("record", now, time.time(), {})
            if refused:
                return [refused if isinstance(answer, Answer) else answer for answer in answers]
        return answers

    async def record(self, records: list[Record]) -> RaylensError | None:
        """Store records; also of images that needed no inference (cache hits, shared answers).

        Returns the reason if they cannot be stored. Ray would log a traceback for each call that raises.
        """
        if not records:
            return None
        try:
            await self._commits.submit(records)
        except StorageUnavailable as error:
            return error.detached()
        return None

    def _answer(
        self, model: str, info: ImageInfo, indices: UInt16Array, probabilities: Float32Array, classified: Classified
    ) -> Answer:
        result = CachedResult(
            info=info,
            indices=indices,
            probabilities=probabilities,
            model_version=self._versions[model],
            runtime=classified.runtime,
            precision=classified.precision,
        )
        return Answer(result, classified.preprocess_ms, classified.inference_ms, classified.batch_size)

    def close(self) -> None:
        """Wait until all records in progress are stored."""
        self._commits.close()
