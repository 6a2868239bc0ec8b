"""The Results deployment, with the record store."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

from models.labels import labels_of
from models.spec import ModelSpec
from serve_app.cluster.ray_internals import listen_on_node_address
from serve_app.config import RecordArguments
from serve_app.deployments.direct_calls import AnswersDirectCalls
from serve_app.deployments.garbage import exclude_existing_objects
from serve_app.deployments.telemetry import start_telemetry
from serve_app.errors import RaylensError
from serve_app.handles import ResultsStage
from serve_app.observability.metrics import ResultsMetrics
from serve_app.request_context import EMPTY, BatchContext
from serve_app.settings import settings
from serve_app.stages.results import Results
from serve_app.types import Answer, Classified, Query


class ResultsDeployment(AnswersDirectCalls, Results, ResultsStage):
    def __init__(self, specs: Sequence[ModelSpec], arguments: RecordArguments) -> None:
        from serve_app.statistics.record_store import RecordStore  # noqa: PLC0415 - imported only by the replica

        listen_on_node_address()
        start_telemetry(settings(), "Results")
        self._record_store = RecordStore(settings(), arguments.drain_interval_s)
        super().__init__(
            {spec.name: labels_of(spec) for spec in specs},
            {spec.name: spec.version for spec in specs},
            self._record_store,
        )
        self._metrics = ResultsMetrics()
        self._record_store.start(self._metrics.observe_records)
        exclude_existing_objects()

    async def finish(
        self, model: str, queries: list[Query], classified: Classified, context: BatchContext = EMPTY
    ) -> list[Answer | RaylensError]:
        started = time.perf_counter()
        answers = await super().finish(model, queries, classified, context)
        self._metrics.observe((time.perf_counter() - started) * 1e3)
        return answers

    def __del__(self) -> None:
        """Called by Serve once the replica has no calls left. Closes the connections to the database."""
        super().__del__()
        with contextlib.suppress(AttributeError):  # the constructor may have failed
            self.close()
            self._record_store.stop()

    async def store_states(self) -> dict[str, str]:
        """See :meth:`RecordStore.states`."""
        return await asyncio.to_thread(self._record_store.states)
