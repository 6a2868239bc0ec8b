"""The stages as Ray Serve runs them: each replica builds what its stage needs, warms it up, measures it.

The stages themselves know nothing of Ray, and nothing of the graph stands here: that is ``serve_app.app``.
A replica whose warm-up fails does not become ready.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence

from fastapi import FastAPI

from models.labels import labels_of
from models.runtimes import load
from models.spec import ModelSpec
from serve_app.autoscaling import QUEUE_METRIC
from serve_app.config import BuildArguments, ClassifierArguments, PreprocessorArguments, RecordArguments
from serve_app.errors import RaylensError
from serve_app.ingress.api import create_api
from serve_app.ingress.gateway import Gateway
from serve_app.logs import configure_logging
from serve_app.metrics import ClassifierMetrics, IngressMetrics, PreprocessorMetrics, ResultsMetrics
from serve_app.pipeline import Handle, Pipeline
from serve_app.settings import settings
from serve_app.stages.classifier import Classifier
from serve_app.stages.preprocessor import Preprocessor
from serve_app.stages.results import Results
from serve_app.statistics.keeper import Keeper
from serve_app.types import Answer, Classified, EncodedImage, ModelInService, Preprocessed, Query, Record


class PreprocessorReplica(Preprocessor):
    def __init__(self, specs: Sequence[ModelSpec], arguments: PreprocessorArguments) -> None:
        configure_logging(settings())
        super().__init__({spec.name: spec.transform for spec in specs}, arguments.threads)
        self.warm_up()
        self._metrics = PreprocessorMetrics()

    async def prepare(self, model: str, images: Sequence[EncodedImage]) -> Preprocessed:
        preprocessed = await super().prepare(model, images)
        self._metrics.observe(preprocessed)
        return preprocessed


class ClassifierReplica(Classifier):
    def __init__(self, spec: ModelSpec, arguments: ClassifierArguments) -> None:
        configure_logging(settings())
        started = time.perf_counter()
        runtime = load(
            spec,
            runtime=arguments.runtime,
            precision=arguments.precision,
            artifacts_dir=settings().artifacts_dir,
            threads=arguments.threads,
            streams=arguments.concurrency,
            batch_buckets=arguments.batch_buckets,
        )
        runtime.warm_up()
        super().__init__(runtime, concurrency=arguments.concurrency, max_waiting=arguments.max_waiting)
        self._metrics = ClassifierMetrics(spec.name)
        self._in_service = ModelInService(
            spec.name, spec.version, runtime.name, runtime.precision, time.perf_counter() - started
        )

    async def classify(self, batch: Preprocessed) -> Classified:
        classified = await super().classify(batch)
        self._metrics.observe(classified, self.waiting_images)
        return classified

    async def describe(self) -> ModelInService:
        """What runs here, once it runs."""
        return self._in_service


class ResultsReplica(Results):
    def __init__(self, specs: Sequence[ModelSpec], arguments: RecordArguments) -> None:
        configure_logging(settings())
        self._keeper = Keeper(settings(), arguments.drain_interval_s)
        super().__init__(
            {spec.name: labels_of(spec) for spec in specs}, {spec.name: spec.version for spec in specs}, self._keeper
        )
        self._metrics = ResultsMetrics()
        self._keeper.start(self._metrics.observe_records)

    async def finish(self, model: str, queries: list[Query], classified: Classified) -> list[Answer | RaylensError]:
        started = time.perf_counter()
        answers = await super().finish(model, queries, classified)
        self._metrics.observe((time.perf_counter() - started) * 1e3)
        return answers

    async def record(self, records: list[Record]) -> None:
        await super().record(records)

    async def database_state(self) -> str:
        """``ok``, or ``degraded`` while records wait in the spool for the database."""
        return await asyncio.to_thread(self._keeper.state)


class IngressReplica:
    """Behind it the whole graph: its arguments are the handles of the other deployments."""

    def __init__(
        self,
        preprocessor: Handle,
        classifiers: Mapping[str, Handle],
        results: Handle,
        specs: Sequence[ModelSpec],
        arguments: BuildArguments,
    ) -> None:
        configure_logging(settings())
        by_reference = preprocessor.options(_by_reference=True)
        pipeline = Pipeline(
            preprocessor=by_reference,
            classifiers={name: handle.options(_by_reference=True) for name, handle in classifiers.items()},
            results=results.options(_by_reference=True),
        )
        deployments = {name: handle.deployment_name for name, handle in classifiers.items()}
        self._gateway = Gateway(
            pipeline,
            specs=specs,
            deployments=deployments,
            arguments=arguments,
            settings=settings(),
            metrics=IngressMetrics(),
        )

    def __serve_build_asgi_app__(self) -> FastAPI:
        return create_api(self._gateway)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Images waiting or in work here, by Classifier deployment."""
        return {QUEUE_METRIC + name: float(images) for name, images in self._gateway.images_by_deployment().items()}

    async def check_health(self) -> None:
        """Unhealthy only where the event loop itself is stuck: an outage elsewhere is no reason to be restarted."""
