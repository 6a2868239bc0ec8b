"""A Ray of its own for a graph, on this machine alone."""

import signal
from threading import Event

import ray
from ray import serve

from benchmarks.peers.engine import Terms


def run(application: serve.Application, terms: Terms) -> None:
    """Serve until a signal comes."""
    ended = Event()
    ray.init(address="local", include_dashboard=False, log_to_driver=False, num_cpus=max(terms.cores, 4))
    # Ray takes over SIGTERM; these come after.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    serve.start(http_options={"host": "127.0.0.1", "port": terms.port})
    serve.run(application, route_prefix="/")
    print("ready", flush=True)
    ended.wait()
    ray.shutdown()  # without serve.shutdown(), which would wait half a minute for a load balancer to look away
