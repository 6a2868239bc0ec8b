"""The other systems: what each is, how it is started, what it is asked. How each is configured, its own file tells."""

from dataclasses import dataclass
from typing import Final

from benchmarks.peers import wire
from benchmarks.peers.wire import Wire


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    """What ``--only`` takes."""
    title: str
    module: str
    """In ``benchmarks.peers.servers``; its docstring explains the configuration."""
    environment: str
    """The set of pinned packages in ``requirements/peers``."""
    distribution: str
    """The package whose version is told."""
    engine: str
    batching: str
    path: str
    ready: str
    """A path that answers 200 as soon as photos may come."""
    wire: Wire


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
        wire=wire.V2_RAW,
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
        wire=wire.BODY,
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
        wire=wire.FORM,
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
        wire=wire.V2_JSON,
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
        wire=wire.BODY,
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
        wire=wire.BODY,
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
        wire=wire.BODY,
    ),
)
NAMES: Final = tuple(peer.name for peer in PEERS)
