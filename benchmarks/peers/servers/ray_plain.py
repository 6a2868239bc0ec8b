"""A plain graph of Ray Serve with Keras: https://docs.ray.io/en/latest/serve/model_composition.html, default flags.

Three deployments (ingress, preprocessing, model) and one call per image. Responses are passed on without awaiting them,
as the documentation recommends, so that pixels are sent directly between stages. A typical first implementation.
"""

from typing import Any

import numpy as np
from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request

from benchmarks.peers.engine import PeerConfig
from benchmarks.peers.keras_engine import KerasClassifier
from benchmarks.peers.servers.ray_cluster import run
from models.zoo import resolve_model
from serve_app.images.decoding import decode

IN_FLIGHT = 256
"""Above the 64 connections of the load; with the default of 5, requests would queue in the handles."""


@serve.deployment(max_ongoing_requests=IN_FLIGHT)
class Preprocessor:
    def __init__(self) -> None:
        self._transform = resolve_model(PeerConfig.from_environment().model).transform

    def __call__(self, photo: bytes) -> Any:  # noqa: ANN401
        return decode(photo, self._transform)[1][np.newaxis]


@serve.deployment(max_ongoing_requests=IN_FLIGHT)
class Model:
    def __init__(self) -> None:
        self._classifier = KerasClassifier(PeerConfig.from_environment())

    def __call__(self, pixels: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        return self._classifier.infer(pixels)


@serve.deployment(max_ongoing_requests=IN_FLIGHT)
class Ingress:
    def __init__(self, preprocessor: DeploymentHandle, model: DeploymentHandle) -> None:
        self._preprocessor = preprocessor
        self._model = model

    async def __call__(self, request: Request) -> dict[str, Any]:
        pixels = self._preprocessor.remote(await request.body())
        return {"predictions": await self._model.remote(pixels)}


if __name__ == "__main__":
    graph = Ingress.bind(Preprocessor.bind(), Model.bind())  # type: ignore[attr-defined]
    run(graph, PeerConfig.from_environment())
