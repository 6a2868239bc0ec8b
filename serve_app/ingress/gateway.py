"""The gateway: everything that an ingress replica holds, its start and its end."""

import asyncio
import contextlib
import math
import random
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any, Final

import structlog
from starlette.requests import Request
from starlette.types import Scope

from auth.errors import AuthError
from auth.service import Auth
from models.custom.names import folded
from models.labels import labels_of
from models.spec import ModelSpec
from serve_app.cache import open_cache
from serve_app.cluster.serve_status import DeploymentState, deployment_states
from serve_app.config import APPLICATION, BuildArguments
from serve_app.database.engine import connect
from serve_app.errors import NotReady, Overloaded, RaylensError, UnknownModel
from serve_app.fetch import Fetcher
from serve_app.images.sample import sample
from serve_app.ingress import body_stream, load_shedding, rendering
from serve_app.ingress.admission import Admission
from serve_app.ingress.byte_budget import ByteBudget
from serve_app.ingress.classification import ClassificationService, ClassifiedImage, ImageUrl, Options, ServedModel
from serve_app.ingress.clients import ClientAddresses
from serve_app.ingress.rolling_stats import WINDOW_S, RollingStats
from serve_app.observability import tracing
from serve_app.observability.metrics import IngressMetrics
from serve_app.pipeline import Pipeline
from serve_app.proxy_token import ProxyTokens
from serve_app.rate_limit.limiter import RateLimiter, open_allowance_store
from serve_app.settings import Settings
from serve_app.statistics.history import History
from serve_app.types import ModelInService, Record

log = structlog.get_logger(__name__)

INGRESS: Final = "Ingress"
PREPROCESSOR: Final = "Preprocessor"
FOLLOW_INTERVAL_S: Final = 1.0
METRICS_INTERVAL_S: Final = 1.0
SWEEP_INTERVAL_S: Final = 60.0
TRACE_EXPORT_TIMEOUT_S: Final = 2.0
"""At the end, for the traces of the last requests."""
WARM_UP_TIMEOUT_S: Final = 60.0
"""For one warm-up image in the pipeline."""
MODELS_TIMEOUT_S: Final = 10.0
"""A replica that starts waits at most so long for its models."""


class Gateway:
    """There is one per replica, on its event loop."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        specs: Sequence[ModelSpec],
        deployments: Mapping[str, str],
        arguments: BuildArguments,
        settings: Settings,
        metrics: IngressMetrics,
        proxies: int = 0,
    ) -> None:
        """``specs``: the default model first. ``deployments``: the Classifier deployment of each model.

        ``proxies``: 1 if Raylens's HAProxy is in front and appends to ``X-Forwarded-For``.
        """
        self.settings = settings
        self.arguments = arguments
        self.limits = arguments.limits
        self.byte_budget = ByteBudget(arguments.queue.max_mib << 20, arguments.queue.client_share)
        self.stats = RollingStats()
        self.engine = connect(settings.effective_database_url)
        self.history = History(self.engine, settings.signing_keys)
        tokens = ProxyTokens(settings.signing_keys) if proxies else None
        self.clients = ClientAddresses(settings.forwarded_hops + proxies, tokens)
        self.auth = Auth(
            self.engine,
            settings.auth,
            address_of=lambda request: self.clients.of(request.scope).address,
            erase=self.history.erase,
            records_of=self.records_of,
        )
        self._allowances = open_allowance_store(settings)
        self.admission = Admission(settings, self.auth, RateLimiter(self._allowances), self.clients)
        self.models: dict[str, ServedModel] = {}
        self.default_model = specs[0].name
        self.draining = False
        self.deployments: dict[str, DeploymentState] = {}
        self._pipeline = pipeline
        self._specs = specs
        self._classifier_names = deployments
        self._metrics = metrics
        self._cache = open_cache(settings)
        self._fetcher = Fetcher(
            settings.fetch_allowed_networks, proxy=settings.fetch_proxy, timeout_s=arguments.limits.fetch_timeout_s
        )
        self._classification = ClassificationService(
            self._cache,
            self._fetcher,
            pipeline.open_record_queue(),
            byte_budget=self.byte_budget,
            expensive_cost=arguments.queue.expensive_cost,
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Wait for the models and start the background tasks. Serve sends requests as soon as this returns.

        A replica that is added to running ones can then answer. The first replica starts before the Classifiers; it
        returns after a timeout and answers 503 until they are ready.
        """
        warm_ups = [self._spawn(self._warm_up(spec)) for spec in self._specs]
        await asyncio.wait(warm_ups, timeout=MODELS_TIMEOUT_S)
        load_shedding.set_overload_check(self._overload_for)
        body_stream.set_application((asyncio.get_running_loop(), self.client_of))
        self._spawn(self._follow_replicas())
        self._spawn(self._report_metrics())
        self._spawn(self._sweep())

    async def stop(self) -> None:
        load_shedding.set_overload_check(None)
        body_stream.set_application(None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for model in self.models.values():
            await model.queue.close()
        await self._fetcher.close()
        await self._cache.close()
        await self._allowances.close()
        self.engine.dispose()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(tracing.stop), TRACE_EXPORT_TIMEOUT_S)

    def model(self, name: str | None) -> ServedModel:
        """The model of a request. Raises UnknownModel, or NotReady while its Classifier starts."""
        if self.draining:
            raise NotReady("This service is shutting down; try again when it is back.", retry_after=5.0)
        name = name or self.default_model
        if model := self.models.get(name):
            return model
        served = [spec.name for spec in self._specs]
        name = next((each for each in served if folded(each) == folded(name)), name)
        if model := self.models.get(name):
            return model
        if name in served:
            raise NotReady(f"The model {name} is being loaded; try again in a moment.", retry_after=2.0)
        raise UnknownModel(f"There is no model {name[:100]!r} here; available: {', '.join(served)}.")

    def client_of(self, scope: Scope) -> str:
        """Who a request counts for: the principal once it is authenticated, before that its address."""
        return self.admission.client_of(Request(scope), scope.get("auth.principal"))

    def overload(self, model: ServedModel, client: str) -> Overloaded | None:
        """The error if the queue of the model has no place for another image of the client; it is counted."""
        if error := model.queue.overload(client):
            self.stats.rejected(error.code)
        return error

    def _overload_for(self, scope: Scope) -> Overloaded | None:
        """The overload check for requests for the default model."""
        model = self.models.get(self.default_model)
        if model is None or not model.queue.is_full:
            return None
        return self.overload(model, self.admission.presumed_client_of(Request(scope)))

    @contextlib.contextmanager
    def counting_rejections(self) -> Iterator[None]:
        """Count the errors raised in this context by code."""
        try:
            yield
        except (RaylensError, AuthError) as error:
            self.stats.rejected(error.code)
            raise

    def record(self, record: Record) -> dict[str, Any]:
        """A stored classification in the form of the API."""
        model = self.models.get(record.model)
        return rendering.recorded(record, model.labels if model else None)

    def records_of(self, user_id: int) -> Iterator[dict[str, Any]]:
        """All stored classifications of a user, newest first, in the form of the API; read page by page."""
        return (self.record(record) for page in self.history.pages(user_id) for record in page)

    async def classify(self, image: bytes | ImageUrl, options: Options) -> ClassifiedImage:
        """Classify one image and count the outcome. Raises RaylensError."""
        with self.counting_rejections():
            classified = await self._classification.classify(image, options)
        self.stats.answered(classified.outcome, classified.timings_ms, classified.batch_size)
        return classified

    async def drain(self) -> None:
        """Reject new images and wait for those in progress. Raises TimeoutError after ``request_timeout_s``."""
        self.draining = True
        async with asyncio.timeout(self.limits.request_timeout_s):
            while any(self._images_by_model().values()):  # noqa: ASYNC110 - an event would cost time for each image
                await asyncio.sleep(0.05)

    def images_by_deployment(self) -> dict[str, int]:
        """Images that wait or are in progress in this replica, by Classifier deployment."""
        return {self._classifier_names[name]: images for name, images in self._images_by_model().items()}

    def _images_by_model(self) -> dict[str, int]:
        return {name: model.queue.waiting_images + model.queue.running_images for name, model in self.models.items()}

    async def component_states(self) -> dict[str, str]:
        """The state of each component and model: ok, degraded or starting."""
        states = {f"model:{spec.name}": "ok" if spec.name in self.models else "starting" for spec in self._specs}
        states["cache"] = self._cache.state()
        try:
            async with asyncio.timeout(1.0):
                return states | await self._pipeline.results.store_states.remote()
        except Exception:  # the state is unknown
            return states | {"database": "degraded", "storage": "degraded"}

    def live_stats(self, window_s: float = WINDOW_S) -> dict[str, Any]:
        """Statistics of this replica over the last ``window_s`` seconds, and the replicas of all deployments."""
        return self.stats.summary(window_s) | {
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

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _warm_up(self, spec: ModelSpec) -> None:
        """Serve the model once an image has passed its Preprocessor and Classifier."""
        in_service: ModelInService | None = None
        while in_service is None:
            try:
                in_service = await self._pipeline.warm_up(spec.name, sample("JPEG"), WARM_UP_TIMEOUT_S)
            except Exception:
                log.exception("warm_up_failed", model=spec.name)
                await asyncio.sleep(1.0)
        queue = self._pipeline.open_queue(spec.name, self.arguments.queue)
        ready = self.models | {spec.name: ServedModel(spec, labels_of(spec), queue, in_service)}
        self.models = {each.name: ready[each.name] for each in self._specs if each.name in ready}  # as configured
        log.info("model_ready", model=spec.name, runtime=in_service.runtime, precision=in_service.precision)

    async def _follow_replicas(self) -> None:
        """Adjust the slots of the queues to the number of replicas."""
        while True:
            with contextlib.suppress(Exception):  # while the controller restarts, the last known numbers apply
                self.deployments = await asyncio.to_thread(deployment_states, APPLICATION)
            for name, model in self.models.items():
                model.queue.slots = self._slots(name)
            await asyncio.sleep(FOLLOW_INTERVAL_S)

    def _slots(self, name: str) -> tuple[int, int]:
        """The share of this replica in the batches of all Classifiers of a model, and in the expensive images."""
        classifiers, preprocessors, ingresses = (
            max(1, state.running if (state := self.deployments.get(deployment)) else 1)
            for deployment in (self._classifier_names[name], PREPROCESSOR, INGRESS)
        )
        batches = self.arguments.queue.batches_per_classifier * classifiers
        expensive = self.arguments.preprocessor.processes * preprocessors
        return math.ceil(batches / ingresses), math.ceil(expensive / ingresses)

    async def _report_metrics(self) -> None:
        while True:
            await asyncio.sleep(METRICS_INTERVAL_S)
            self._metrics.observe(*self.stats.drain())
            for name, model in self.models.items():
                self._metrics.observe_queue(name, model.queue, self.arguments.queue.max_waiting)
            self._metrics.observe_uploads(self.byte_budget.held, self.byte_budget.limit)
            self._metrics.observe_cache(self._cache.state())
            self._metrics.observe_account_events(self.auth.event_counts())
            self._metrics.observe_models(model.in_service for model in self.models.values())

    async def _sweep(self) -> None:
        """Remove expired credentials and deleted users. Every replica does so, at randomized times."""
        chance = random.Random()  # noqa: S311 - not a secret; its own state, since fuzz tests check the global one
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S * chance.uniform(0.75, 1.25))
            try:
                await asyncio.to_thread(self.auth.sweep)
            except Exception:
                log.exception("sweep_failed")
