"""Classification of one image, independent of HTTP: cache, single flight, pipeline, record."""

import asyncio
import hashlib
import math
import secrets
import time
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from models.labels import Labels
from models.spec import ModelSpec
from serve_app.batching.adaptive_batcher import AdaptiveBatcher
from serve_app.batching.image_queue import ImageQueue
from serve_app.batching.single_flight import SingleFlight
from serve_app.cache import ResultCache, content_key
from serve_app.errors import DeadlineExceeded
from serve_app.fetch import Reserve, host_of
from serve_app.images.cost import cost_of
from serve_app.ingress.byte_budget import ByteBudget
from serve_app.ingress.fetched_image import FetchedImage, FetchMemory
from serve_app.ingress.requester import Requester
from serve_app.observability import tracing
from serve_app.pipeline import Job
from serve_app.request_context import RequestContext
from serve_app.statistics.records import record_of, timings_of
from serve_app.types import Answer, CachedResult, ModelInService, Query, Record

PREPROCESSING_VERSION: Final = "4"
"""Part of the cache key. Increase it when the same bytes would yield another tensor."""

_HASHED_AT_ONCE_BYTES: Final = 1 << 20

CacheMode = Literal["use", "refresh", "off"]
CacheOutcome = Literal["hit", "miss", "shared"]


class ImageSource(Protocol):
    """Downloads images; see ``serve_app.fetch``."""

    async def fetch(self, url: str, *, deadline: float, client: str, reserve: Reserve) -> bytes: ...


@dataclass(slots=True)
class ServedModel:
    """A model whose Classifier is ready, with its labels and its queue."""

    spec: ModelSpec
    labels: Labels
    queue: ImageQueue[Job, Answer]
    in_service: ModelInService


@dataclass(frozen=True, slots=True)
class ImageUrl:
    """An image to fetch."""

    url: str


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a request."""

    model: ServedModel
    top_k: int
    cache: CacheMode
    deadline: float
    """Unix seconds."""
    client: Requester
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class ClassifiedImage:
    """A classified image and how it was classified."""

    query: Query
    model: ServedModel
    result: CachedResult
    outcome: CacheOutcome
    timings_ms: dict[str, float]
    batch_size: int = 0
    """Images in the model call; 0 if this request needed no model call."""


class ClassificationService:
    """Classifies images. ``recorder`` stores the records of images that needed no model call."""

    def __init__(
        self,
        cache: ResultCache,
        fetcher: ImageSource,
        recorder: AdaptiveBatcher[Record, None],
        *,
        byte_budget: ByteBudget,
        expensive_cost: float,
    ) -> None:
        """``expensive_cost``: an image counts as one image for each time it costs so much."""
        self._cache = cache
        self._byte_budget = byte_budget
        self._fetcher = fetcher
        self._recorder = recorder
        self._expensive_cost = expensive_cost
        self._fetches = SingleFlight[tuple[str, str], FetchedImage]()
        self._inferences = SingleFlight[str, tuple[Answer, RequestContext]]()

    async def classify(self, image: bytes | ImageUrl, options: Options) -> ClassifiedImage:
        """Classify an image, given by its encoded bytes or by its URL. Raises RaylensError."""
        try:
            async with asyncio.timeout(max(0.0, options.deadline - time.time())):
                # Whole microseconds, as in the database, so that the record and the response have the same time.
                with tracing.span("image") as span:
                    classified = await self._classify(image, options, round(time.time(), 6))
                    if span:
                        span.set({"raylens.model": options.model.spec.name, "raylens.outcome": classified.outcome})
                    return classified
        except TimeoutError:
            raise DeadlineExceeded("The deadline passed before the image was classified; allow more time.") from None

    async def _classify(self, image: bytes | ImageUrl, options: Options, received_at: float) -> ClassifiedImage:
        url, fetch_ms = None, 0.0
        if isinstance(image, ImageUrl):
            url = image.url
            known_sha256, result = await self._look_up_url(url, options)
            if known_sha256 and result:
                query = self._query(received_at, options, known_sha256, url)
                return await self._recorded(query, options, result, "hit")
            with tracing.span("fetch") as span:
                if span:
                    span.set({"server.address": host_of(url)})
                fetched = await self._fetch(url, options)
            data, sha256 = fetched.data, fetched.sha256
            fetch_ms = (time.time() - received_at) * 1e3
        else:
            data, sha256 = image, await _sha256_of(image)
        query = self._query(received_at, options, sha256, url, fetch_ms)
        if result := await self._look_up(sha256, options):
            return await self._recorded(query, options, result, "hit")
        return await self._infer(query, data, options)

    async def _look_up_url(self, url: str, options: Options) -> tuple[str | None, CachedResult | None]:
        """The SHA-256 of the image last fetched from a URL, and its result, as far as they are cached."""
        if options.cache != "use":
            return None, None
        sha256 = await self._cache.sha256_of(url, options.client.user_id)
        return sha256, await self._look_up(sha256, options) if sha256 else None

    async def _look_up(self, sha256: str, options: Options) -> CachedResult | None:
        if options.cache != "use":
            return None
        with tracing.span("cache look-up") as span:
            result = await self._cache.get(self._key(sha256, options.model))
            if span:
                span.set({"raylens.cache.hit": result is not None})
            return result

    async def _fetch(self, url: str, options: Options) -> FetchedImage:
        """The image behind a URL. Concurrent requests of a client for a URL share one fetch.

        Those of other clients do not: it waits for its turn among the fetches of its client, which may be many.
        """

        async def fetch() -> FetchedImage:
            client = options.client
            memory = FetchMemory(self._byte_budget, client.name)
            try:
                data = await self._fetcher.fetch(
                    url, deadline=options.deadline, client=client.name, reserve=memory.reserve
                )
                fetched = FetchedImage(data, await _sha256_of(data))
            except BaseException:
                memory.release()
                raise
            memory.release_with(fetched)
            if options.cache != "off":
                await self._cache.remember_url(url, fetched.sha256, client.user_id)
            return fetched

        if options.cache != "use":
            return await fetch()
        fetched, _ = await self._fetches.run((options.client.name, url), fetch)
        return fetched

    async def _infer(self, query: Query, data: bytes, options: Options) -> ClassifiedImage:
        """Classify in the pipeline, which also records the image; concurrent requests for an image share one answer."""
        key = self._key(query.sha256, options.model)
        request = RequestContext(options.request_id, tracing.traceparent())

        async def infer() -> tuple[Answer, RequestContext]:
            with tracing.child(request.traceparent, "queue") as queue_span:
                job, cost, client = Job(query, data, request, queue_span), cost_of(data), options.client
                if cost > self._expensive_cost:
                    await client.charge(math.ceil(cost / self._expensive_cost) - 1)
                answer = await options.model.queue.submit(
                    job, query.deadline, size=len(data), client=client.name, cost=cost
                )
            if options.cache != "off":
                await self._cache.put(_key_of(query, answer.result), answer.result)
            return answer, request

        if options.cache == "use":
            (answer, leader), shared = await self._inferences.run(key, infer)
            if shared:
                tracing.link(leader.traceparent)
                return await self._recorded(query, options, answer.result, "shared")
        else:
            answer, _ = await infer()
        total_ms = (time.time() - query.received_at) * 1e3
        timings_ms = timings_of(query.fetch_ms, total_ms, answer)
        return ClassifiedImage(query, options.model, answer.result, "miss", timings_ms, answer.batch_size)

    async def _recorded(
        self, query: Query, options: Options, result: CachedResult, outcome: CacheOutcome
    ) -> ClassifiedImage:
        """Record an image whose result needed no model call."""
        record = record_of(query, result, options.model.labels, answered_at=time.time(), cached=True)
        with tracing.span("record"):
            await self._recorder.submit(record, query.deadline)
        return ClassifiedImage(query, options.model, result, outcome, record.timings_ms)

    def _key(self, sha256: str, model: ServedModel) -> str:
        return content_key(
            sha256,
            model.spec.name,
            model.spec.version,
            runtime=model.in_service.runtime,
            precision=model.in_service.precision,
            preprocessing_version=PREPROCESSING_VERSION,
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
            user_id=options.client.user_id,
        )


async def _sha256_of(data: bytes) -> str:
    """Beside the event loop if it takes more than a millisecond."""
    if len(data) > _HASHED_AT_ONCE_BYTES:
        return await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
    return hashlib.sha256(data).hexdigest()


def _key_of(query: Query, result: CachedResult) -> str:
    """The key of what the replica ran, which differs from what this one expects during an update."""
    return content_key(
        query.sha256,
        query.model,
        result.model_version,
        runtime=result.runtime,
        precision=result.precision,
        preprocessing_version=PREPROCESSING_VERSION,
    )


def new_id(unix_s: float) -> str:
    """A UUIDv7 (RFC 9562) as 32 hex digits: milliseconds first, so that ids are ordered by time."""
    random = secrets.randbits(74)
    value = int(unix_s * 1e3) << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return f"{value:032x}"
