"""``raylens serve``: the whole service from one command."""

import contextlib
import json
import math
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from models.artifacts import ensure_artifact
from models.errors import ModelError
from models.zoo import resolve_model
from serve_app.cluster.ray_cluster import Cluster, ClusterFailed, is_joined
from serve_app.cluster.serve_config import APPLICATION, BadConfiguration, capped, default_path, fit, read, wanted_cores
from serve_app.observability import tracing
from serve_app.observability.tracing import TracingUnavailable
from serve_app.settings import MissingSecretKey, Settings, settings

START_TIMEOUT_S = 300.0

console = Console(stderr=True, highlight=False)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; RAYLENS_HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; RAYLENS_PORT, else 8000.")] = None,
    config: Annotated[Path | None, typer.Option(help="Serve configuration; config/serve.yaml if left out.")] = None,
    dashboard: Annotated[bool, typer.Option(help="Start the Ray dashboard, on localhost only.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the addresses as one JSON object.")] = False,
) -> None:
    """Start Raylens on this machine (or on the cluster of RAY_ADDRESS) and serve until Ctrl-C.

    Example: raylens serve --port 8080 --dashboard
    """
    try:
        code = _serve(_with_address(settings(), host, port), config or default_path(), dashboard, json_output)
    except (BadConfiguration, ClusterFailed, MissingSecretKey, ModelError, TracingUnavailable) as error:
        console.print(f"[red]Raylens could not start:[/] {escape(str(error))}", soft_wrap=True)
        code = 2 if isinstance(error, BadConfiguration | MissingSecretKey | TracingUnavailable) else 1
    raise typer.Exit(code)


def _with_address(base: Settings, host: str | None, port: int | None) -> Settings:
    """The settings with the options of the command line, which the replicas inherit through the environment."""
    os.environ["RAYLENS_HOST"] = host or base.host
    os.environ["RAYLENS_PORT"] = str(port or base.port)
    settings.cache_clear()
    return settings()


def _serve(chosen: Settings, config: Path, dashboard: bool, json_output: bool) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if chosen.tracing:
        tracing.check()
    _ = chosen.signing_keys  # made, or missed, before anything is started that needs them
    _refuse_taken_port(chosen)
    document = read(config)
    specs = [resolve_model(name) for name in document["applications"][0].get("args", {}).get("models") or chosen.models]
    classifier = document["applications"][0].get("args", {}).get("classifier", {})
    with console.status("Preparing the models …") as status:
        if classifier.get("runtime", "auto") in {"auto", "openvino"}:
            prepare = ensure_artifact
            if classifier.get("precision") == "int8":
                from models.quantization import find_int8 as prepare  # with it comes numpy
            for spec in specs:
                status.update(f"Preparing {spec.title} (the first time this takes some seconds) …")
                prepare(spec, chosen.artifacts_dir)
        status.update("Starting Ray …")
        fitted = fit(document, tuple(spec.name for spec in specs), chosen.host, chosen.port)
        cpus = max(os.cpu_count() or 1, math.ceil(wanted_cores(fitted)))
        with Cluster(dashboard=dashboard, cpus=cpus, metrics_port=chosen.metrics_port) as cluster:
            signal.signal(signal.SIGINT, lambda *_: stop.set())
            signal.signal(signal.SIGTERM, lambda *_: stop.set())
            cluster.deploy(fitted if is_joined() else capped(fitted, cpus))
            ready = _wait_until_ready(cluster, chosen.local_url, stop, status)
            if ready:
                status.stop()
                _tell(chosen, cluster, json_output)
                stop.wait()
                status.start()
            status.update("Stopping, as soon as the images under way are answered …")
            if ready and not is_joined():
                cluster.drain(APPLICATION)
    return 0


def _refuse_taken_port(chosen: Settings) -> None:
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((chosen.host, chosen.port))
        except OSError as error:
            raise ClusterFailed(
                f"{chosen.host}:{chosen.port} cannot be listened on ({error.strerror}); choose another with --port."
            ) from None


def _wait_until_ready(cluster: Cluster, url: str, stop: threading.Event, status: Status) -> bool:
    """Whether it is ready (or was told to stop before). Raises ClusterFailed."""
    give_up_at = time.monotonic() + START_TIMEOUT_S
    with httpx.Client(base_url=url, timeout=2.0) as client:
        while not stop.wait(0.2):
            running, wanted = cluster.progress(APPLICATION)
            status.update(f"Starting the stages: {running} of {wanted or '…'} …")
            if wanted and running == wanted and _is_ready(client):
                return True
            if time.monotonic() > give_up_at:
                raise ClusterFailed(
                    f"not ready after {START_TIMEOUT_S:g} s; the logs are in /tmp/ray/session_latest/logs."
                )
    return False


def _is_ready(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return client.get("/api/health/ready").status_code == 200
    return False


def _tell(chosen: Settings, cluster: Cluster, json_output: bool) -> None:
    url = chosen.effective_public_url
    metrics = cluster.metrics_urls
    addresses: dict[str, Any] = {
        "web": f"{url}/",
        "api": f"{url}/api/docs",
        "metrics": metrics.get("ray"),
        "proxy_metrics": metrics.get("haproxy"),
        "dashboard": cluster.dashboard_url,
    }
    if json_output:
        sys.stdout.write(json.dumps(addresses) + "\n")
        sys.stdout.flush()
        return
    console.print(f"[bold green]Raylens is ready:[/] {addresses['web']}")
    console.print(f"  API documentation  {addresses['api']}")
    for number, metrics_url in enumerate(metrics.values()):
        console.print(f"  {'' if number else 'Prometheus metrics':<18} {metrics_url}")
    if cluster.dashboard_url:
        console.print(f"  Ray dashboard      {cluster.dashboard_url}")
        console.print("                     asks for the token of `ray get-auth-token`")
    console.print("  Ctrl-C stops it.")
