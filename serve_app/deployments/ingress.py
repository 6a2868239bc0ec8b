"""The Ingress deployment: the HTTP application, with the handles of the other deployments."""

import os
import time
from collections.abc import Mapping, Sequence

from fastapi import FastAPI
from ray.serve.handle import DeploymentHandle

from models.spec import ModelSpec
from serve_app.autoscaling.policy import QUEUE_METRIC
from serve_app.autoscaling.utilization import UTILIZATION_METRIC, Utilization
from serve_app.cluster.haproxy import FORWARDED_FOR
from serve_app.cluster.ray_internals import listen_on_node_address
from serve_app.config import BuildArguments
from serve_app.deployments.garbage import exclude_existing_objects
from serve_app.deployments.telemetry import start_telemetry
from serve_app.handles import ClassifierHandle, PreprocessorHandle, ResultsHandle
from serve_app.observability.metrics import IngressMetrics
from serve_app.pipeline import Pipeline
from serve_app.settings import settings


def with_pickle_serialization(handle: DeploymentHandle) -> DeploymentHandle:
    """The messages are plain data, which pickle serializes faster than Serve's default, cloudpickle."""
    return handle.options(request_serialization="pickle", response_serialization="pickle")


class IngressDeployment:
    """The HTTP application is imported late, since the process that only binds the graph does not need it.

    The import would take that process most of a second, while everything else waits for the graph.
    """

    def __init__(
        self,
        preprocessor: DeploymentHandle,
        classifiers: Mapping[str, DeploymentHandle],
        results: DeploymentHandle,
        specs: Sequence[ModelSpec],
        arguments: BuildArguments,
    ) -> None:
        """``classifiers``: by model name."""
        from serve_app.ingress.gateway import Gateway  # noqa: PLC0415

        listen_on_node_address()
        start_telemetry(settings(), "Ingress")
        # Ray starts uvicorn after this. By default uvicorn trusts X-Forwarded-For of every client on the loopback
        # interface, which behind HAProxy is every client. serve_app.ingress.clients reads the header instead.
        os.environ["FORWARDED_ALLOW_IPS"] = ""
        pipeline = Pipeline(
            PreprocessorHandle(with_pickle_serialization(preprocessor)),
            {name: ClassifierHandle(with_pickle_serialization(handle)) for name, handle in classifiers.items()},
            ResultsHandle(with_pickle_serialization(results)),
        )
        self._gateway = Gateway(
            pipeline,
            specs=specs,
            deployments={name: handle.deployment_name for name, handle in classifiers.items()},
            arguments=arguments,
            settings=settings(),
            metrics=IngressMetrics(),
            proxies=1 if os.environ.get(FORWARDED_FOR) == "1" else 0,
        )
        # There is one event loop, so one core is the most it can use. Waiting takes no CPU time.
        self._utilization = Utilization(time.process_time)

    def __serve_build_asgi_app__(self) -> FastAPI:
        from serve_app.ingress.api import create_api  # noqa: PLC0415

        app = create_api(self._gateway)
        exclude_existing_objects()
        return app

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: utilization, and images waiting or in progress by Classifier deployment."""
        images = self._gateway.images_by_deployment()
        return {UTILIZATION_METRIC: self._utilization.read()} | {
            QUEUE_METRIC + name: float(count) for name, count in images.items()
        }

    async def drain(self) -> None:
        """See :meth:`Gateway.drain`."""
        await self._gateway.drain()

    async def check_health(self) -> None:
        """Called by Serve. Only a blocked event loop makes it fail; a restart would not help against other outages."""
