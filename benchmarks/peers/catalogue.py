"""The systems in the comparison. The configuration of each is documented in its server module."""

from dataclasses import dataclass
from typing import Final

from benchmarks.peers import request_format
from benchmarks.peers.request_format import RequestFormat


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    """Name for ``--only``."""
    title: str
    module: str
    """In ``benchmarks.peers.servers``; its docstring explains the configuration."""
    environment: str
    """The set of pinned packages in ``requirements/peers``."""
    distribution: str
    """The package whose version is reported."""
    engine: str
    batching: str
    path: str
    ready: str
    """Path of the readiness probe."""
    request_format: RequestFormat


PEERS: Final = (
    Peer(
        name="triton",
        title="NVIDIA Triton",
        module="triton",
        environment="triton",
        distribution="nvidia-pytriton",
        engine="OpenVINO",
        batching="dynamic",
        path="/v2/models/classifier/infer",
        ready="/v2/health/ready",
        request_format=request_format.V2_RAW,
    ),
    Peer(
        name="litserve",
        title="LitServe",
        module="litserve",
        environment="litserve",
        distribution="litserve",
        engine="OpenVINO",
        batching="dynamic",
        path="/predict",
        ready="/health",
        request_format=request_format.BODY,
    ),
    Peer(
        name="bentoml",
        title="BentoML",
        module="bentoml",
        environment="bentoml",
        distribution="bentoml",
        engine="OpenVINO",
        batching="adaptive",
        path="/classify",
        ready="/readyz",
        request_format=request_format.FORM,
    ),
    Peer(
        name="mlserver",
        title="MLServer",
        module="mlserver",
        environment="mlserver",
        distribution="mlserver",
        engine="OpenVINO",
        batching="adaptive",
        path="/v2/models/classifier/infer",
        ready="/v2/models/classifier/ready",
        request_format=request_format.V2_JSON,
    ),
    Peer(
        name="ray-tuned",
        title="Ray Serve, one deployment, tuned",
        module="ray_tuned",
        environment="ray-serve",
        distribution="ray",
        engine="OpenVINO",
        batching="dynamic",
        path="/",
        ready="/-/healthz",
        request_format=request_format.BODY,
    ),
    Peer(
        name="ray-plain",
        title="Ray Serve, plain graph, Keras",
        module="ray_plain",
        environment="ray-serve",
        distribution="ray",
        engine="Keras",
        batching="none",
        path="/",
        ready="/-/healthz",
        request_format=request_format.BODY,
    ),
    Peer(
        name="fastapi",
        title="FastAPI, Keras",
        module="fastapi",
        environment="fastapi",
        distribution="fastapi",
        engine="Keras",
        batching="none",
        path="/predict",
        ready="/ready",
        request_format=request_format.BODY,
    ),
)
NAMES: Final = tuple(peer.name for peer in PEERS)
