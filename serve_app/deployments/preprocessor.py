"""The Preprocessor deployment."""

from collections.abc import Sequence

from models.spec import ModelSpec
from serve_app.cluster.ray_internals import listen_on_node_address
from serve_app.config import PreprocessorArguments
from serve_app.deployments.direct_calls import AnswersDirectCalls
from serve_app.deployments.garbage import exclude_existing_objects
from serve_app.deployments.telemetry import start_telemetry
from serve_app.handles import PreprocessorStage
from serve_app.observability.metrics import PreprocessorMetrics
from serve_app.request_context import EMPTY, BatchContext
from serve_app.settings import settings
from serve_app.stages.preprocessor import Preprocessor
from serve_app.types import Preprocessed


class PreprocessorDeployment(AnswersDirectCalls, Preprocessor, PreprocessorStage):
    def __init__(self, specs: Sequence[ModelSpec], arguments: PreprocessorArguments, expensive_cost: float) -> None:
        listen_on_node_address()
        start_telemetry(settings(), "Preprocessor")
        super().__init__(
            {spec.name: spec.transform for spec in specs},
            arguments.threads,
            processes=arguments.processes,
            expensive_cost=expensive_cost,
        )
        self.warm_up()
        self._metrics = PreprocessorMetrics()
        exclude_existing_objects()

    async def prepare(
        self, model: str, images: Sequence[bytes], deadlines: Sequence[float], context: BatchContext = EMPTY
    ) -> Preprocessed:
        preprocessed = await super().prepare(model, images, deadlines, context)
        self._metrics.observe(preprocessed)
        return preprocessed
