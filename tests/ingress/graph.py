"""The whole graph in one process: the real stages behind handles that behave like Ray Serve's, and a fake model."""

import asyncio
import pickle
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar
from unittest.mock import patch

import httpx
import numpy as np
from fastapi import FastAPI
from ray.exceptions import ActorDiedError, RayTaskError

from models.arrays import Float32Array, UInt8Array
from models.labels import labels_of
from models.runtimes.fake import FakeRuntime, class_of
from models.spec import ModelSpec
from models.zoo import resolve_model
from serve_app.config import BuildArguments
from serve_app.fetch import Fetcher
from serve_app.fetch.backend import Resolver
from serve_app.handles import ClassifierHandle, ClassifierStage, PreprocessorHandle, ResultsHandle, ResultsStage
from serve_app.ingress.api import create_api
from serve_app.ingress.gateway import Gateway
from serve_app.observability.metrics import ImageCounts
from serve_app.pipeline import Pipeline
from serve_app.settings import Settings
from serve_app.stages.classifier import Classifier
from serve_app.stages.preprocessor import Preprocessor
from serve_app.stages.results import Results
from serve_app.statistics.record_store import RecordStore
from serve_app.types import ModelInService
from tests.ingress.database import provide_database

LITE0 = "efficientnet-lite0"
LONGEST_GATE_S = 20.0

StageT = TypeVar("StageT")


class Response:
    """A call in progress."""

    def __init__(self, call: Coroutine[Any, Any, Any]) -> None:
        self._task = asyncio.ensure_future(call)
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    def __await__(self) -> Generator[Any, None, Any]:
        return self._task.__await__()


@dataclass(frozen=True)
class Method:
    """``handle.method``"""

    handle: "Handle[Any]"
    name: str

    def remote(self, *arguments: object) -> Response:
        return Response(self.handle.call(self.name, arguments))


class Handle(Generic[StageT]):
    """Calls a stage as if in another process: pickles arguments and results, and wraps errors like Ray.

    ``deaths_before`` and ``deaths_after`` are the errors with which the next calls fail, before the stage is called or
    after it, when only the result is lost. A call fails each time if ``is_deadly`` is true for its arguments. If
    ``error`` is set, all calls raise it in place of the stage.
    """

    def __init__(self, stage: StageT) -> None:
        self.stage = stage
        self.calls: Counter[str] = Counter()
        self.deaths_before: deque[Exception] = deque()
        self.deaths_after: deque[Exception] = deque()
        self.is_deadly: Callable[[Any], bool] = lambda _arguments: False
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Method:
        return Method(self, name)

    async def call(self, name: str, arguments: tuple[object, ...]) -> Any:
        received = pickle.loads(pickle.dumps(arguments))
        self.calls[name] += 1
        if self.deaths_before:
            raise self.deaths_before.popleft()
        if self.is_deadly(received):
            raise ActorDiedError
        try:
            if self.error:
                raise self.error
            reply = pickle.dumps(await getattr(self.stage, name)(*received))
        except Exception as error:
            raise RayTaskError(name, "", pickle.loads(pickle.dumps(error))).as_instanceof_cause() from None
        if self.deaths_after:
            raise self.deaths_after.popleft()
        return pickle.loads(reply)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; raises TimeoutError."""
    async with asyncio.timeout(LONGEST_GATE_S):
        while not condition():  # noqa: ASYNC110 - conditions have no event
            await asyncio.sleep(0.005)


class WatchedRuntime(FakeRuntime):
    """Records the sizes of its batches, and blocks while ``gate`` is closed."""

    def __init__(self, shape: tuple[int, int, int], batch_buckets: tuple[int, ...]) -> None:
        super().__init__(shape, 1000, batch_buckets=batch_buckets)
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def predict(self, tensor: UInt8Array) -> Float32Array:
        self.entered.set()
        assert self.gate.wait(LONGEST_GATE_S)
        self.batches.append(len(tensor))
        return super().predict(tensor)

    def close_gate(self) -> None:
        self.gate.clear()
        self.entered.clear()

    async def is_busy(self) -> None:
        """Wait until a batch has reached the gate."""
        assert await asyncio.to_thread(self.entered.wait, LONGEST_GATE_S)


class InProcessClassifier(Classifier, ClassifierStage):
    def __init__(self, spec: ModelSpec, runtime: WatchedRuntime, arguments: BuildArguments) -> None:
        classifier = arguments.classifier
        super().__init__(runtime, concurrency=classifier.concurrency, max_waiting=classifier.max_waiting)
        self._spec = spec

    async def describe(self) -> ModelInService:
        return ModelInService(self._spec.name, self._spec.version, self.runtime.name, self.runtime.precision, 0.1)


class InProcessResults(Results, ResultsStage):
    def __init__(self, specs: list[ModelSpec], record_store: RecordStore) -> None:
        super().__init__(
            {spec.name: labels_of(spec) for spec in specs}, {spec.name: spec.version for spec in specs}, record_store
        )
        self.record_store = record_store

    async def store_states(self) -> dict[str, str]:
        return self.record_store.states()


@dataclass
class CountedMetrics:
    """Sums of what the Ingress reports."""

    answers: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    fetches_ms: list[float] = field(default_factory=list)
    queue: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    expensive: dict[str, int] = field(default_factory=dict)
    uploads: tuple[int, int] = (0, 0)
    cache: str = ""
    account_events: Mapping[str, int] = field(default_factory=dict)
    models: list[ModelInService] = field(default_factory=list)

    def observe(
        self, latencies_ms: Mapping[str, list[float]], rejections: Mapping[str, int], fetches_ms: list[float]
    ) -> None:
        self.answers.update({outcome: len(latencies) for outcome, latencies in latencies_ms.items()})
        self.rejections.update(rejections)
        self.latencies_ms += [latency for latencies in latencies_ms.values() for latency in latencies]
        self.fetches_ms += fetches_ms

    def observe_queue(self, model: str, queue: ImageCounts, limit: int) -> None:
        self.queue[model] = (queue.waiting_images, queue.running_images, limit)
        self.expensive[model] = queue.expensive_images

    def observe_uploads(self, held: int, limit: int) -> None:
        self.uploads = (held, limit)

    def observe_cache(self, state: str) -> None:
        self.cache = state

    def observe_account_events(self, totals: Mapping[str, int]) -> None:
        self.account_events = totals

    def observe_models(self, models: Iterable[ModelInService]) -> None:
        self.models = list(models)


@dataclass
class Graph:
    """The API and everything behind it. ``runtime`` and ``classifier`` are those of the default model."""

    app: FastAPI
    gateway: Gateway
    preprocessor: Handle[Preprocessor]
    classifier: Handle[InProcessClassifier]
    results: Handle[InProcessResults]
    runtime: WatchedRuntime
    metrics: CountedMetrics
    client: httpx.AsyncClient
    model_count: int = 1

    async def warm(self) -> None:
        """Wait until every model is ready."""
        await until(lambda: len(self.gateway.models) == self.model_count)
        self.runtime.batches.clear()

    async def classify(self, data: bytes, expect: int = 201, **query: Any) -> httpx.Response:
        """POST one image as the body."""
        response = await self.client.post(
            "/api/v1/classifications", content=data, params=query, headers={"Content-Type": "image/png"}
        )
        assert response.status_code == expect, response.text
        return response

    async def classify_json(self, document: Any, expect: int = 201, **query: Any) -> httpx.Response:
        response = await self.client.post("/api/v1/classifications", json=document, params=query)
        assert response.status_code == expect, response.text
        return response

    async def record_count(self) -> int:
        top = (await self.client.get("/api/v1/top", params={"by": "label", "limit": 100})).json()
        return sum(item["classification_count"] for item in top["items"])


def prepare(
    folder: Path,
    models: tuple[str, ...] = (LITE0,),
    arguments: BuildArguments | None = None,
    resolver: Resolver | None = None,
    create_app: Callable[[Gateway], FastAPI] = create_api,
    *,
    proxies: int = 0,
    **settings: Any,
) -> Graph:
    """A graph that is not started. ``settings``: of :class:`Settings`. ``proxies``: 1 as if HAProxy were in front."""
    arguments = arguments or BuildArguments()
    if "database_url" not in settings:
        provide_database(folder)
    specs = [resolve_model(name) for name in models]
    known = Settings(data_dir=folder, _env_file=None, **{"allowed_hosts": "raylens.test", **settings})
    runtimes = [WatchedRuntime(spec.transform.shape, arguments.classifier.batch_buckets) for spec in specs]
    preprocessor = Handle(Preprocessor({spec.name: spec.transform for spec in specs}, threads=2))
    classifiers = {
        spec.name: Handle(InProcessClassifier(spec, runtime, arguments))
        for spec, runtime in zip(specs, runtimes, strict=True)
    }
    results = Handle(InProcessResults(specs, RecordStore(known, 1.0)))
    pipeline = Pipeline(
        PreprocessorHandle(preprocessor),
        {name: ClassifierHandle(classifier) for name, classifier in classifiers.items()},
        ResultsHandle(results),
    )
    names = {spec.name: f"Classifier-{spec.name}" for spec in specs}
    metrics = CountedMetrics()
    fetcher = partial(Fetcher, resolver=resolver) if resolver else Fetcher
    with patch("serve_app.ingress.gateway.Fetcher", fetcher):
        gateway = Gateway(
            pipeline,
            specs=specs,
            deployments=names,
            arguments=arguments,
            settings=known,
            metrics=metrics,  # type: ignore[arg-type]
            proxies=proxies,
        )
    app = create_app(gateway)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://raylens.test", timeout=30)
    default = classifiers[specs[0].name]
    return Graph(app, gateway, preprocessor, default, results, runtimes[0], metrics, client, len(specs))


@asynccontextmanager
async def running(folder: Path, **options: Any) -> AsyncIterator[Graph]:
    """A graph whose models are warm; see :func:`prepare`."""
    graph = prepare(folder, **options)
    # Without a Serve controller, the request for the states would start one.
    with patch("serve_app.ingress.gateway.deployment_states", return_value={}):
        async with graph.app.router.lifespan_context(graph.app), graph.client:
            await graph.warm()
            yield graph
            graph.runtime.gate.set()
    results = graph.results.stage
    results.close()
    results.record_store.stop()


def top_class(colour: tuple[int, int, int]) -> int:
    """The class index that the fake model returns for a picture of one colour."""
    return class_of(np.full((1, 1, 3), colour, np.uint8))
