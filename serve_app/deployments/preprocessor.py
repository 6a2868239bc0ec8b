"""The Preprocessor as Ray Serve runs it."""

from collections.abc import Sequence

from models.spec import ModelSpec
from serve_app.config import PreprocessorArguments
from serve_app.deployments.telemetry import begin
from serve_app.observability.metrics import PreprocessorMetrics
from serve_app.request_context import EMPTY, BatchContext
from serve_app.settings import settings
from serve_app.stages.preprocessor import Preprocessor
from serve_app.types import Preprocessed


class PreprocessorReplica(Preprocessor):
    def __init__(self, specs: Sequence[ModelSpec], arguments: PreprocessorArguments) -> None:
        begin(settings(), "Preprocessor")
        super().__init__({spec.name: spec.transform for spec in specs}, arguments.threads)
        self.warm_up()
        self._metrics = PreprocessorMetrics()

    async def prepare(
        self, model: str, images: Sequence[bytes], deadlines: Sequence[float], context: BatchContext = EMPTY
    ) -> Preprocessed:
        preprocessed = await super().prepare(model, images, deadlines, context)
        self._metrics.observe(preprocessed)
        return preprocessed
