"""The way of a batch: Preprocessor → Classifier → Results, in order, and what happens when a replica dies.

What a stage returns is awaited before it is passed on: Serve would wait for it just as long, but take the death of the
replica that owes it for one of the next stage, and ask again and again.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import ray.exceptions
import structlog

from serve_app.errors import DeadlineExceeded, RaylensError, Unavailable
from serve_app.observability import tracing
from serve_app.request_context import UNKNOWN, RequestContext
from serve_app.types import Answer, Query, Record

log = structlog.get_logger(__name__)

ATTEMPTS: Final = 8
"""Tries of one image: a batch that fails with its replica is tried once more whole, then image by image."""

LINGER_S: Final = 1.0
"""Nobody waits for a batch past the deadlines of its images; later it is given up, lest it holds its slot for ever."""

LOST: Final = (
    ray.exceptions.RayActorError,
    ray.exceptions.ObjectLostError,
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.NodeDiedError,
    ConnectionError,
)
"""The errors of a replica that died under a call. The call may be made again: records are kept once by their id."""


def is_lost(error: Exception) -> bool:
    """Whether a replica died under the call; Serve wraps the death of a stage further up the chain once more."""
    return isinstance(error, LOST) or isinstance(error.__cause__, LOST)


Handle = Any
"""A Ray Serve deployment handle: its methods are made up at run time."""


@dataclass(frozen=True, slots=True)
class Job:
    """One image on its way down the graph."""

    query: Query
    data: bytes
    origin: RequestContext = UNKNOWN
    waiting: tracing.Span = tracing.NO_SPAN
    """Its time in the queue."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The graph as the ingress sees it: a handle per stage, a Classifier per model."""

    preprocessor: Handle
    classifiers: Mapping[str, Handle]
    results: Handle

    async def classify(self, model: str, jobs: list[Job]) -> list[Answer | RaylensError]:
        """One answer or error per job, in order."""
        images, deadlines = [job.data for job in jobs], [job.query.deadline for job in jobs]
        with tracing.batch(model, [job.origin for job in jobs]) as batch:
            preprocessed = await self.preprocessor.prepare.remote(model, images, deadlines, batch.context)
            classified = await self.classifiers[model].classify.remote(preprocessed, batch.context)
            answers: list[Answer | RaylensError] = await self.results.finish.remote(
                model, [job.query for job in jobs], classified, batch.context
            )
            batch.answered(answers)
        return answers

    async def classify_with_retries(
        self, model: str, jobs: list[Job], attempts: int = ATTEMPTS
    ) -> Sequence[Answer | RaylensError]:
        """The same, tried again when a replica dies under it.

        An image that takes the replica down each time must not take its neighbours along, so from the second loss
        on each goes alone.
        """
        left_s = max(job.query.deadline for job in jobs) - time.time()
        try:
            async with asyncio.timeout(left_s + LINGER_S) as limit:
                return await self.classify(model, jobs)
        except RaylensError as error:
            return [_plain(error)] * len(jobs)
        except TimeoutError:
            if not limit.expired():
                raise
            log.warning("batch_abandoned", model=model, images=len(jobs))
            return [DeadlineExceeded("No answer came in time.")] * len(jobs)
        except Exception as error:
            if not is_lost(error):
                raise
            request_ids = [job.origin.request_id for job in jobs]
            log.warning(
                "replica_lost",
                model=model,
                images=len(jobs),
                attempts_left=attempts - 1,
                error=_brief(error),
                request_ids=request_ids,
            )
        if attempts <= 1:
            lost = Unavailable("The replica that worked on this image died, several times; try again later.")
            return [lost] * len(jobs)
        await asyncio.sleep(0.05 * (ATTEMPTS - attempts))
        groups = [jobs] if attempts == ATTEMPTS else [[job] for job in jobs]
        tried = await asyncio.gather(*(self.classify_with_retries(model, group, attempts - 1) for group in groups))
        return [answer for answers in tried for answer in answers]

    async def record(self, records: list[Record]) -> list[None]:
        """Keep records of answers that needed no inference. Tried again when the replica dies under it."""
        for attempt in range(ATTEMPTS):
            try:
                await self.results.record.remote(records)
            except Exception as error:
                if not is_lost(error):
                    raise
                log.warning("replica_lost", stage="results", records=len(records), error=_brief(error))
                await asyncio.sleep(0.05 * attempt)
            else:
                return [None] * len(records)
        raise Unavailable("The replica that keeps records died, several times; try again later.")


def _brief(error: Exception) -> str:
    """Ray's first line; the others tell of its own processes."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _plain(error: RaylensError) -> RaylensError:
    """Without the wrapper Ray puts around errors of another process."""
    cause = getattr(error, "cause", error)
    return cause if isinstance(cause, RaylensError) else error
