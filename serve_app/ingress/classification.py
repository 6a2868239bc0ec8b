"""One image from request to answer: cache, single flight, the graph, the record. Knows nothing of HTTP."""

import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from models.labels import Labels
from models.spec import ModelSpec
from serve_app.batching.adaptive_batcher import AdaptiveBatcher
from serve_app.batching.single_flight import SingleFlight
from serve_app.cache import ResultCache, content_key
from serve_app.errors import DeadlineExceeded
from serve_app.fetch import host_of
from serve_app.observability import tracing
from serve_app.pipeline import Job
from serve_app.request_context import RequestContext
from serve_app.statistics.records import record_of, timings_of
from serve_app.types import Answer, CachedResult, ModelInService, Query, Record

PREPROCESSING_VERSION: Final = "1"
"""Changes whenever the same bytes would give another tensor: cached results of before are then not found."""

CacheMode = Literal["use", "refresh", "off"]
CacheOutcome = Literal["hit", "miss", "shared"]


class ImageSource(Protocol):
    """Brings the bytes behind a URL; see ``serve_app.fetch``."""

    async def fetch(self, url: str, *, deadline: float) -> bytes: ...


@dataclass(slots=True)
class ServedModel:
    """A model, its queue and what is known of it once its Classifier runs."""

    spec: ModelSpec
    labels: Labels
    queue: AdaptiveBatcher[Job, Answer]
    in_service: ModelInService


@dataclass(frozen=True, slots=True)
class Upload:
    """An image that came with the request."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ImageUrl:
    """An image that is to be fetched."""

    url: str


@dataclass(frozen=True, slots=True)
class Options:
    """What the client asked for besides the images."""

    model: ServedModel
    top_k: int
    cache: CacheMode
    deadline: float
    """Unix seconds."""
    user_id: int | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Classification:
    """An answered image."""

    query: Query
    model: ServedModel
    result: CachedResult
    outcome: CacheOutcome
    timings_ms: dict[str, float]
    batch_size: int = 0
    """Images in the model call; 0 where there was none for this request."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class _Inferred:
    answer: Answer
    origin: RequestContext
    """Of the request that led: who shares the answer points to it."""


class Classifications:
    """Answers images. ``recorder`` keeps the records of answers that needed no inference of their own."""

    def __init__(self, cache: ResultCache, fetcher: ImageSource, recorder: AdaptiveBatcher[Record, None]) -> None:
        self._cache = cache
        self._fetcher = fetcher
        self._recorder = recorder
        self._fetches = SingleFlight[str, _Fetched]()
        self._inferences = SingleFlight[str, _Inferred]()

    async def classify(self, source: Upload | ImageUrl, options: Options) -> Classification:
        """The classes of one image. Raises the RaylensError that is its answer otherwise."""
        try:
            async with asyncio.timeout(max(0.0, options.deadline - time.time())):
                # Whole microseconds, as the database keeps them: the record tells the same time as the answer.
                with tracing.span("image") as span:
                    classification = await self._classify(source, options, round(time.time(), 6))
                    if span:
                        span.set({"raylens.model": options.model.spec.name, "raylens.outcome": classification.outcome})
                    return classification
        except TimeoutError:
            raise DeadlineExceeded("The deadline passed before the answer was there; allow more time.") from None

    async def _classify(self, source: Upload | ImageUrl, options: Options, received_at: float) -> Classification:
        url = source.url if isinstance(source, ImageUrl) else None
        fetch_ms = 0.0
        if isinstance(source, ImageUrl):
            known, result = await self._known(source.url, options)
            if known and result:
                return await self._from_cache(self._query(received_at, options, known, url), options, result)
            with tracing.span("fetch") as span:
                if span:
                    span.set({"server.address": host_of(source.url)})
                fetched = await self._fetch(source.url, options)
            fetch_ms = (time.time() - received_at) * 1e3
        else:
            fetched = _Fetched(source.data, hashlib.sha256(source.data).hexdigest())
        query = self._query(received_at, options, fetched.sha256, url, fetch_ms)
        if result := await self._look_up(query.sha256, options):
            return await self._from_cache(query, options, result)
        return await self._infer(query, fetched.data, options)

    async def _known(self, url: str, options: Options) -> tuple[str | None, CachedResult | None]:
        """What the cache knows of the image behind a URL: its SHA-256, and more."""
        if options.cache != "use":
            return None, None
        known = await self._cache.sha256_of(url)
        return known, await self._look_up(known, options) if known else None

    async def _look_up(self, sha256: str, options: Options) -> CachedResult | None:
        if options.cache != "use":
            return None
        with tracing.span("cache look-up") as span:
            result = await self._cache.get(self._key(sha256, options.model))
            if span:
                span.set({"raylens.cache.hit": result is not None})
            return result

    async def _fetch(self, url: str, options: Options) -> _Fetched:
        async def fetch() -> _Fetched:
            data = await self._fetcher.fetch(url, deadline=options.deadline)
            fetched = _Fetched(data, hashlib.sha256(data).hexdigest())
            if options.cache != "off":
                await self._cache.remember_url(url, fetched.sha256)
            return fetched

        if options.cache != "use":
            return await fetch()
        fetched, _ = await self._fetches.run(url, fetch)
        return fetched

    async def _infer(self, query: Query, data: bytes, options: Options) -> Classification:
        """Through the graph, which records it; or, where another request has it under way, along with that."""
        key = self._key(query.sha256, options.model)
        origin = RequestContext(options.request_id, tracing.traceparent())

        async def infer() -> _Inferred:
            with tracing.child(origin.traceparent, "queue") as waiting:
                answer = await options.model.queue.submit(
                    Job(query, data, origin, waiting), query.deadline, size=len(data)
                )
            if options.cache != "off":
                await self._cache.put(key, answer.result)
            return _Inferred(answer, origin)

        if options.cache == "use":
            inferred, shared = await self._inferences.run(key, infer)
        else:
            inferred, shared = await infer(), False
        answer = inferred.answer
        if shared:
            tracing.link(inferred.origin.traceparent)
            return await self._recorded(query, options, answer.result, "shared")
        total_ms = (time.time() - query.received_at) * 1e3
        timings_ms = timings_of(query.fetch_ms, total_ms, answer)
        return Classification(query, options.model, answer.result, "miss", timings_ms, answer.batch_size)

    async def _from_cache(self, query: Query, options: Options, result: CachedResult) -> Classification:
        return await self._recorded(query, options, result, "hit")

    async def _recorded(
        self, query: Query, options: Options, result: CachedResult, outcome: CacheOutcome
    ) -> Classification:
        record = record_of(query, result, options.model.labels, answered_at=time.time(), cached=True)
        with tracing.span("record"):
            await self._recorder.submit(record, query.deadline)
        return Classification(query, options.model, result, outcome, record.timings_ms)

    def _key(self, sha256: str, model: ServedModel) -> str:
        return content_key(
            sha256, model.spec.name, model.spec.version, model.in_service.precision, PREPROCESSING_VERSION
        )

    @staticmethod
    def _query(received_at: float, options: Options, sha256: str, url: str | None, fetch_ms: float = 0.0) -> Query:
        return Query(
            id=new_id(received_at),
            received_at=received_at,
            deadline=options.deadline,
            model=options.model.spec.name,
            sha256=sha256,
            url=url,
            top_k=options.top_k,
            fetch_ms=fetch_ms,
            user_id=options.user_id,
        )


def new_id(unix_s: float) -> str:
    """A UUIDv7 (RFC 9562) as 32 hex digits: milliseconds first, so ids are in order of time."""
    random = secrets.randbits(74)
    value = int(unix_s * 1e3) << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return f"{value:032x}"
