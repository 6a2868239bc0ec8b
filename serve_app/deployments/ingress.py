"""The ingress as Ray Serve runs it: the HTTP application around the handles of the other deployments."""

import os
import time
from collections.abc import Mapping, Sequence

from fastapi import FastAPI

from models.spec import ModelSpec
from serve_app.autoscaling.policy import QUEUE_METRIC
from serve_app.autoscaling.utilization import UTILIZATION_METRIC, Utilization
from serve_app.config import BuildArguments
from serve_app.deployments.telemetry import begin
from serve_app.observability.metrics import IngressMetrics
from serve_app.pipeline import Handle, Pipeline
from serve_app.settings import settings


def with_pickle_serialization(handle: Handle) -> Handle:
    """What travels are plain data; Serve's default, cloudpickle, takes longer to find that out."""
    return handle.options(request_serialization="pickle", response_serialization="pickle")


class IngressReplica:
    """Behind it the whole graph: its arguments are the handles of the other deployments.

    The HTTP application is imported where it runs: the process that only puts the graph together, while all else waits
    for it, would spend most of a second on it.
    """

    def __init__(
        self,
        preprocessor: Handle,
        classifiers: Mapping[str, Handle],
        results: Handle,
        specs: Sequence[ModelSpec],
        arguments: BuildArguments,
    ) -> None:
        from serve_app.ingress.gateway import Gateway  # noqa: PLC0415

        begin(settings(), "Ingress")
        # uvicorn, which Ray starts after this, would believe X-Forwarded-For of whoever comes from the loopback
        # interface; through HAProxy that is everybody. RAYLENS_FORWARDED_HOPS alone says what to believe.
        os.environ["FORWARDED_ALLOW_IPS"] = ""
        pipeline = Pipeline(
            preprocessor=with_pickle_serialization(preprocessor),
            classifiers={name: with_pickle_serialization(handle) for name, handle in classifiers.items()},
            results=with_pickle_serialization(results),
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
        # One event loop: a core is all it can take, and what it waits for is none of its work.
        self._busy = Utilization(time.process_time)

    def __serve_build_asgi_app__(self) -> FastAPI:
        from serve_app.ingress.api import create_api  # noqa: PLC0415

        return create_api(self._gateway)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Images waiting or in work here, by Classifier deployment, and how busy this replica is."""
        images = self._gateway.images_by_deployment()
        return {UTILIZATION_METRIC: self._busy.read()} | {
            QUEUE_METRIC + name: float(count) for name, count in images.items()
        }

    async def drain(self) -> None:
        """See :meth:`Gateway.drain`."""
        await self._gateway.drain()

    async def check_health(self) -> None:
        """Unhealthy only where the event loop itself is stuck: an outage elsewhere is no reason to be restarted."""
