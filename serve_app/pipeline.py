"""Sends batches of images through Preprocessor, Classifier and Results, and retries when a replica dies.

The result of each stage is awaited before it is passed on. Serve would also await a result passed as a reference, but
would attribute the death of the replica that computes it to a replica of the next stage, and retry there endlessly.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import ray.exceptions
import structlog

from serve_app.batching.adaptive_batcher import AdaptiveBatcher
from serve_app.batching.image_queue import ImageQueue
from serve_app.config import QueueArguments
from serve_app.errors import DeadlineExceeded, RaylensError, Unavailable
from serve_app.handles import ClassifierHandle, PreprocessorHandle, ResultsHandle
from serve_app.observability import tracing
from serve_app.request_context import UNKNOWN_REQUEST, RequestContext
from serve_app.types import Answer, ModelInService, Query, Record

log = structlog.get_logger(__name__)

PIPELINE_ATTEMPTS: Final = 8
"""Attempts per image, the first one included."""

ABANDON_AFTER_S: Final = 1.0
"""A batch is abandoned so long after its last deadline. Otherwise a lost reply would occupy its slot forever."""

_RETRY_DELAY_S: Final = 0.05
"""Grows by as much with each attempt."""

_RECORD_BATCH: Final = 256

_REPLICA_DIED: Final = (
    ray.exceptions.RayActorError,
    ray.exceptions.ObjectLostError,
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.NodeDiedError,
    ConnectionError,
)
"""Errors of a call whose replica died. The call can be repeated, because records are stored once per id."""


def is_replica_loss(error: Exception) -> bool:
    """Whether the replica of the call died. Serve may wrap the error of a call in another one."""
    return isinstance(error, _REPLICA_DIED) or isinstance(error.__cause__, _REPLICA_DIED)


@dataclass(frozen=True, slots=True)
class Job:
    """An image that waits for the pipeline or is in it."""

    query: Query
    data: bytes
    """The encoded image."""
    request: RequestContext = UNKNOWN_REQUEST
    queue_span: tracing.Span = tracing.NO_SPAN
    """The time in the queue."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages as the ingress calls them. ``classifiers``: by model name."""

    preprocessor: PreprocessorHandle
    classifiers: Mapping[str, ClassifierHandle]
    results: ResultsHandle

    async def classify(self, model: str, jobs: list[Job]) -> list[Answer | RaylensError]:
        """One answer or error per job, in order."""
        images, deadlines = [job.data for job in jobs], [job.query.deadline for job in jobs]
        queries = [job.query for job in jobs]
        with tracing.batch(model, [job.request for job in jobs]) as batch:
            preprocessed = await self.preprocessor.prepare.remote(model, images, deadlines, batch.context)
            classified = await self.classifiers[model].classify.remote(preprocessed, batch.context)
            answers = await self.results.finish.remote(model, queries, classified, batch.context)
            batch.answered(answers)
        return answers

    async def classify_with_retries(
        self, model: str, jobs: list[Job], attempts: int = PIPELINE_ATTEMPTS
    ) -> Sequence[Answer | RaylensError]:
        """Like :meth:`classify`, with up to ``attempts`` attempts if replicas die.

        The first retry sends the whole batch; later ones send each image alone, so that an image that kills its
        replica every time does not affect the others.
        """
        try:
            return await self._classify_in_time(model, jobs)
        except RaylensError as error:
            return [_unwrapped(error)] * len(jobs)
        except Exception as error:
            if not is_replica_loss(error):
                raise
            log.warning(
                "replica_lost",
                model=model,
                images=len(jobs),
                attempts_left=attempts - 1,
                error=_first_line(error),
                request_ids=[job.request.request_id for job in jobs],
            )
        if attempts <= 1:
            lost = Unavailable("The replicas that processed this image died repeatedly; try again later.")
            return [lost] * len(jobs)
        await asyncio.sleep(_RETRY_DELAY_S * (PIPELINE_ATTEMPTS - attempts))
        groups = [jobs] if attempts == PIPELINE_ATTEMPTS else [[job] for job in jobs]
        retried = await asyncio.gather(*(self.classify_with_retries(model, group, attempts - 1) for group in groups))
        return [answer for answers in retried for answer in answers]

    async def _classify_in_time(self, model: str, jobs: list[Job]) -> list[Answer | RaylensError]:
        """Like :meth:`classify`, but raises DeadlineExceeded if no reply arrives."""
        left_s = max(job.query.deadline for job in jobs) - time.time()
        try:
            async with asyncio.timeout(left_s + ABANDON_AFTER_S) as limit:
                return await self.classify(model, jobs)
        except TimeoutError:
            if not limit.expired():
                raise
            log.warning("batch_abandoned", model=model, images=len(jobs))
            raise DeadlineExceeded("The image was not classified before its deadline; try again.") from None

    def open_queue(self, model: str, limits: QueueArguments) -> ImageQueue[Job, Answer]:
        """The queue of the images for one model."""

        async def classify(jobs: list[Job]) -> Sequence[Answer | RaylensError]:
            for job in jobs if tracing.is_on() else ():
                job.queue_span.end()
            return await self.classify_with_retries(model, jobs)

        return ImageQueue(classify, limits)

    async def record(self, records: list[Record]) -> Sequence[RaylensError | None]:
        """Store records of answers that needed no inference, with retries if replicas die. One reply per record."""
        for attempt in range(PIPELINE_ATTEMPTS):
            try:
                refused = await self.results.record.remote(records)
            except Exception as error:
                if not is_replica_loss(error):
                    raise
                log.warning("replica_lost", stage="results", records=len(records), error=_first_line(error))
                await asyncio.sleep(_RETRY_DELAY_S * attempt)
            else:
                return [refused] * len(records)
        raise Unavailable("The replicas that store records died repeatedly; try again later.")

    def open_record_queue(self) -> AdaptiveBatcher[Record, None]:
        """The queue of records for :meth:`record`."""
        return AdaptiveBatcher(self.record, slots=2, max_batch=_RECORD_BATCH, max_waiting=100_000)

    async def warm_up(self, model: str, image: bytes, timeout_s: float) -> ModelInService:
        """Send an image through the Preprocessor and the Classifier of a model, which starts their connections."""
        preprocessed = await self.preprocessor.prepare.remote(model, [image], [time.time() + timeout_s])
        await self.classifiers[model].classify.remote(preprocessed)
        return await self.classifiers[model].describe.remote()


def _first_line(error: Exception) -> str:
    """The further lines of Ray's errors describe its own processes."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _unwrapped(error: RaylensError) -> RaylensError:
    """The original of an error that Ray wrapped in another process."""
    cause = getattr(error, "cause", error)
    return cause if isinstance(cause, RaylensError) else error
