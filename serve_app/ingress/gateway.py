"""Everything an ingress replica holds: models and their queues, cache, fetcher, records; started and stopped here."""

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import structlog

from auth.errors import AuthError
from auth.service import Auth
from models.labels import labels_of
from models.spec import ModelSpec
from serve_app.batching.adaptive_batcher import AdaptiveBatcher
from serve_app.cache import open_cache
from serve_app.cluster.serve_status import DeploymentState, deployment_states
from serve_app.config import BuildArguments
from serve_app.database.engine import connect
from serve_app.errors import NotReady, Overloaded, RaylensError, UnknownModel
from serve_app.fetch import Fetcher
from serve_app.images.sample import sample
from serve_app.ingress import load_shedding, rendering
from serve_app.ingress.admission import Admission
from serve_app.ingress.bodies import ByteBudget
from serve_app.ingress.classification import ClassificationService, ClassifiedImage, ImageUrl, Options, ServedModel
from serve_app.ingress.clients import address_of
from serve_app.ingress.rolling_stats import WINDOW_S, RollingStats
from serve_app.observability import tracing
from serve_app.observability.metrics import IngressMetrics
from serve_app.pipeline import Job, Pipeline
from serve_app.rate_limit.limiter import RateLimiter, open_allowance_store
from serve_app.settings import Settings
from serve_app.statistics.history import History
from serve_app.types import Answer, ModelInService, Record

log = structlog.get_logger(__name__)

APPLICATION: Final = "raylens"
INGRESS: Final = "Ingress"
REPLICAS_EVERY_S: Final = 1.0
METRICS_EVERY_S: Final = 1.0
SWEEP_EVERY_S: Final = 60.0
RECORD_BATCH: Final = 256
LAST_SPANS_S: Final = 2.0
"""For the traces of the last requests to be sent; a collector that is away holds nobody up for longer."""
WARM_UP_S: Final = 60.0
"""Longest duration of a warm-up image in the pipeline."""
OPEN_AFTER_S: Final = 10.0
"""A replica that starts waits no longer than this for its models."""


class Gateway:
    """One a replica, on its event loop. ``deployments``: the Classifier deployment of each model."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        specs: Sequence[ModelSpec],
        deployments: Mapping[str, str],
        arguments: BuildArguments,
        settings: Settings,
        metrics: IngressMetrics,
    ) -> None:
        self.settings = settings
        self.arguments = arguments
        self.limits = arguments.limits
        self.memory = ByteBudget(arguments.queue.max_mib << 20)
        self.pulse = RollingStats()
        self.engine = connect(settings.effective_database_url)
        self.history = History(self.engine, settings.signing_keys)
        self.auth = Auth(
            self.engine,
            settings.auth,
            address_of=lambda request: address_of(request, settings.forwarded_hops),
            erase=self.history.erase,
            records_of=self.records_of,
        )
        self.admission = Admission(settings, self.auth, RateLimiter(open_allowance_store(settings)))
        self.models: dict[str, ServedModel] = {}
        self.default_model = specs[0].name
        self.draining = False
        self.deployments: dict[str, DeploymentState] = {}
        self._pipeline = pipeline
        self._specs = specs
        self._names = deployments
        self._metrics = metrics
        self._cache = open_cache(settings)
        self._fetcher = Fetcher(settings.fetch_allowed_networks, timeout_s=arguments.limits.fetch_timeout_s)
        recorder = AdaptiveBatcher[Record, None](pipeline.record, slots=2, max_batch=RECORD_BATCH, max_waiting=100_000)
        self._classification = ClassificationService(self._cache, self._fetcher, recorder)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Serve sends requests as soon as this returns, and one that joins others must then be able to answer them.

        The first of all comes before its Classifiers: it opens after a while all the same, and says so.
        """
        warm_ups = [self._spawn(self._warm_up(spec)) for spec in self._specs]
        await asyncio.wait(warm_ups, timeout=OPEN_AFTER_S)
        load_shedding.set_overload_check(self._refusal)
        self._spawn(self._follow_replicas())
        self._spawn(self._report_metrics())
        self._spawn(self._sweep())

    async def stop(self) -> None:
        load_shedding.set_overload_check(None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for model in self.models.values():
            await model.queue.close()
        await self._fetcher.close()
        await self._cache.close()
        self.engine.dispose()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(tracing.stop), LAST_SPANS_S)

    def model(self, name: str | None) -> ServedModel:
        """The model of a request. Raises UnknownModel, or NotReady while its Classifier starts."""
        if self.draining:
            raise NotReady("This service is shutting down; try again when it is back.", retry_after=5.0)
        wanted = name or self.default_model
        if model := self.models.get(wanted):
            return model
        served = [spec.name for spec in self._specs]
        if wanted in served:
            raise NotReady(f"The model {wanted} is being loaded; try again in a moment.", retry_after=2.0)
        raise UnknownModel(f"There is no model {wanted[:100]!r} here; available: {', '.join(served)}.")

    def refuse_if_full(self, model: ServedModel) -> None:
        """Raise Overloaded, counted, if another image for the model could not wait now."""
        with self.counting_refusals():
            model.queue.refuse_if_full()

    def _refusal(self) -> Overloaded | None:
        """What the gate tells requests for the default model."""
        try:
            if model := self.models.get(self.default_model):
                self.refuse_if_full(model)
        except Overloaded as error:
            return error
        return None

    @contextlib.contextmanager
    def counting_refusals(self) -> Iterator[None]:
        """Whatever of ours is raised inside is counted by its code."""
        try:
            yield
        except (RaylensError, AuthError) as error:
            self.pulse.rejected(error.code)
            raise

    def record(self, record: Record) -> dict[str, Any]:
        """A classification of the past as the API tells it."""
        model = self.models.get(record.model)
        return rendering.recorded(record, model.labels if model else None)

    def records_of(self, user_id: int) -> Iterator[dict[str, Any]]:
        """All of a user's, newest first, as the API tells them; asks the database as it goes."""
        return (self.record(record) for page in self.history.pages(user_id) for record in page)

    async def classify(self, image: bytes | ImageUrl, options: Options) -> ClassifiedImage:
        """One image; counted, whatever comes of it."""
        with self.counting_refusals():
            classified = await self._classification.classify(image, options)
        self.pulse.answered(classified.outcome, classified.timings_ms, classified.batch_size)
        return classified

    async def drain(self) -> None:
        """Take no more images, and return once those under way are answered (or their longest time is over)."""
        self.draining = True
        async with asyncio.timeout(self.limits.request_timeout_s):
            while any(self._images_by_model().values()):  # noqa: ASYNC110 - an event would cost each image something
                await asyncio.sleep(0.05)

    def images_by_deployment(self) -> dict[str, int]:
        """Images waiting or in work here, by Classifier deployment."""
        return {self._names[name]: images for name, images in self._images_by_model().items()}

    def _images_by_model(self) -> dict[str, int]:
        return {name: model.queue.waiting_images + model.queue.running_images for name, model in self.models.items()}

    async def parts(self) -> dict[str, str]:
        """The state of each part: ok, degraded or starting."""
        states = {f"model:{spec.name}": "ok" if spec.name in self.models else "starting" for spec in self._specs}
        states["cache"] = self._cache.state()
        try:
            async with asyncio.timeout(1.0):
                states["database"] = await self._pipeline.results.database_state.remote()
        except Exception:
            states["database"] = "degraded"
        return states

    def live(self, window_s: float = WINDOW_S) -> dict[str, Any]:
        """The last seconds of this replica and the replicas of the whole graph."""
        return self.pulse.summary(window_s) | {
            "queues": {
                name: {
                    "waiting": model.queue.waiting_images,
                    "running": model.queue.running_images,
                    "limit": self.arguments.queue.max_waiting,
                }
                for name, model in self.models.items()
            },
            "deployments": {
                name: {"status": state.status, "replicas": state.running, "starting": state.starting}
                for name, state in self.deployments.items()
            },
        }

    def _spawn(self, coroutine: Any) -> asyncio.Task[None]:  # noqa: ANN401 - any coroutine
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _warm_up(self, spec: ModelSpec) -> None:
        """Serve the model once an image has gone through its Preprocessor and Classifier."""
        in_service: ModelInService | None = None
        while in_service is None:
            try:
                deadlines = [time.time() + WARM_UP_S]
                preprocessed = await self._pipeline.preprocessor.prepare.remote(spec.name, [sample("JPEG")], deadlines)
                await self._pipeline.classifiers[spec.name].classify.remote(preprocessed)
                in_service = await self._pipeline.classifiers[spec.name].describe.remote()
            except Exception:
                log.exception("warm_up_failed", model=spec.name)
                await asyncio.sleep(1.0)
        self.models[spec.name] = ServedModel(spec, labels_of(spec), self._queue(spec.name), in_service)
        log.info("model_ready", model=spec.name, runtime=in_service.runtime, precision=in_service.precision)

    def _queue(self, name: str) -> AdaptiveBatcher[Job, Answer]:
        queue = self.arguments.queue

        async def run(jobs: list[Job]) -> Sequence[Answer | RaylensError]:
            for job in jobs if tracing.is_on() else ():
                job.waiting.end()
            return await self._pipeline.classify_with_retries(name, jobs)

        return AdaptiveBatcher(
            run,
            slots=queue.batches_per_classifier,
            max_batch=queue.max_batch,
            max_waiting=queue.max_waiting,
            max_bytes=queue.max_batch_mib << 20,
        )

    async def _follow_replicas(self) -> None:
        """Keep the number of calls under way in step with the replicas."""
        while True:
            with contextlib.suppress(Exception):  # the controller may be restarting: what was known stays true
                self.deployments = await asyncio.to_thread(deployment_states, APPLICATION)
            for name, model in self.models.items():
                model.queue.slots = self._slots(name)
            await asyncio.sleep(REPLICAS_EVERY_S)

    def _slots(self, name: str) -> int:
        """Calls this replica may have under way: those of the model's Classifiers, divided among the ingresses."""
        classifiers, ingresses = (
            max(1, state.running if (state := self.deployments.get(deployment)) else 1)
            for deployment in (self._names[name], INGRESS)
        )
        return math.ceil(self.arguments.queue.batches_per_classifier * classifiers / ingresses)

    async def _report_metrics(self) -> None:
        while True:
            await asyncio.sleep(METRICS_EVERY_S)
            self._metrics.observe(*self.pulse.drain())
            for name, model in self.models.items():
                queue, limit = model.queue, self.arguments.queue.max_waiting
                self._metrics.observe_queue(name, queue.waiting_images, queue.running_images, limit)
            self._metrics.observe_uploads(self.memory.held, self.memory.limit)
            self._metrics.observe_cache(self._cache.state())
            self._metrics.observe_account_events(self.auth.event_counts())
            self._metrics.observe_models(model.in_service for model in self.models.values())

    async def _sweep(self) -> None:
        """Clear up after users: what has ended, and who left. Each replica does, so not all at the same moment."""
        chance = random.Random()  # noqa: S311 - no secret; its own, for tests that fuzz watch over everybody's
        while True:
            await asyncio.sleep(SWEEP_EVERY_S * chance.uniform(0.75, 1.25))
            try:
                await asyncio.to_thread(self.auth.sweep)
            except Exception:
                log.exception("sweep_failed")
