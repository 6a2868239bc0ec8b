"""Runs a Ray Serve application on a local Ray cluster."""

import signal
from threading import Event

import ray
from ray import serve

from benchmarks.peers.engine import PeerConfig


def run(application: serve.Application, config: PeerConfig) -> None:
    """Serve until SIGINT or SIGTERM."""
    ended = Event()
    ray.init(address="local", include_dashboard=False, log_to_driver=False, num_cpus=max(config.cores, 4))
    # After ray.init(), which installs its own handler for SIGTERM.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    serve.start(http_options={"host": "127.0.0.1", "port": config.port})
    serve.run(application, route_prefix="/")
    print("ready", flush=True)
    ended.wait()
    ray.shutdown()  # without serve.shutdown(), which waits 30 s for load balancers
