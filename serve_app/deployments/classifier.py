"""The Classifier deployment: loads its model and runs every batch size once before it is ready."""

import time

from models.runtimes.loading import load_runtime
from models.spec import ModelSpec
from serve_app.autoscaling.utilization import UTILIZATION_METRIC, Utilization
from serve_app.cluster.ray_internals import listen_on_node_address
from serve_app.config import ClassifierArguments
from serve_app.deployments.direct_calls import AnswersDirectCalls
from serve_app.deployments.garbage import exclude_existing_objects
from serve_app.deployments.telemetry import start_telemetry
from serve_app.handles import ClassifierStage
from serve_app.observability.metrics import ClassifierMetrics
from serve_app.request_context import EMPTY, BatchContext
from serve_app.settings import settings
from serve_app.stages.classifier import Classifier
from serve_app.types import Classified, ModelInService, Preprocessed


class ClassifierDeployment(AnswersDirectCalls, Classifier, ClassifierStage):
    def __init__(self, spec: ModelSpec, arguments: ClassifierArguments) -> None:
        listen_on_node_address()
        start_telemetry(settings(), "Classifier")
        started = time.perf_counter()
        runtime = load_runtime(
            spec,
            runtime=arguments.runtime,
            precision=arguments.precision,
            artifacts_dir=settings().artifacts_dir,
            threads=arguments.threads,
            batch_buckets=arguments.batch_buckets,
            batch_latency_ms=arguments.fake_call_ms,
            image_latency_ms=arguments.fake_image_ms,
        )
        runtime.warm_up()
        super().__init__(runtime, concurrency=arguments.concurrency, max_waiting=arguments.max_waiting)
        self._metrics = ClassifierMetrics(spec.name)
        self._utilization = Utilization(lambda: self.busy_s, arguments.concurrency)
        self._in_service = ModelInService(
            spec.name, spec.version, runtime.name, runtime.precision, time.perf_counter() - started
        )
        exclude_existing_objects()

    async def classify(self, batch: Preprocessed, context: BatchContext = EMPTY) -> Classified:
        classified = await super().classify(batch, context)
        self._metrics.observe(classified, self.waiting_images)
        return classified

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: the utilization of the model."""
        return {UTILIZATION_METRIC: self._utilization.read()}

    async def describe(self) -> ModelInService:
        """The model and how this replica runs it."""
        return self._in_service
