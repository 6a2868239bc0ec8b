"""``raylens serve``: start the service."""

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
from models.zoo import resolve_models
from serve_app.cluster.ray_cluster import ClusterFailed, RayCluster, is_joined
from serve_app.cluster.serve_config import BadConfiguration, capped, default_path, fit, min_cores, read
from serve_app.config import APPLICATION
from serve_app.observability import tracing
from serve_app.observability.tracing import TracingUnavailable
from serve_app.settings import MissingSecretKey, Settings, settings

_START_TIMEOUT_S = 300.0

_console = Console(stderr=True, highlight=False)


def serve_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: RAYLENS_HOST or 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default: RAYLENS_PORT or 8000.")] = None,
    config: Annotated[Path | None, typer.Option(help="Ray Serve configuration; default: config/serve.yaml.")] = None,
    dashboard: Annotated[bool, typer.Option(help="Start the Ray dashboard on localhost.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as one JSON object.")] = False,
) -> None:
    """Start Raylens on this machine, or on the Ray cluster of RAY_ADDRESS, and serve until Ctrl-C.

    Exit status: 0 stopped, 1 could not start, 2 usage error or invalid settings.
    """
    try:
        code = _serve(_with_address(settings(), host, port), config or default_path(), dashboard, as_json)
    except (BadConfiguration, ClusterFailed, MissingSecretKey, ModelError, TracingUnavailable) as error:
        _console.print(f"[red]Raylens could not start:[/] {escape(str(error))}", soft_wrap=True)
        code = 2 if isinstance(error, BadConfiguration | MissingSecretKey | TracingUnavailable) else 1
    raise typer.Exit(code)


def _with_address(base: Settings, host: str | None, port: int | None) -> Settings:
    """The settings with the command-line options, which replicas inherit through the environment."""
    os.environ["RAYLENS_HOST"] = host or base.host
    os.environ["RAYLENS_PORT"] = str(port or base.port)
    os.environ["RAYLENS_DATA_DIR"] = str(base.data_dir)  # absolute, as replicas may run in another folder
    os.environ["RAYLENS_DATABASE_URL"] = base.database_url
    settings.cache_clear()
    return settings()


def _serve(current: Settings, config: Path, dashboard: bool, as_json: bool) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if current.tracing:
        tracing.check()
    _ = current.signing_keys  # created, or rejected, before Ray starts
    _check_port(current)
    document = read(config)
    specs = resolve_models(document["applications"][0].get("args", {}).get("models") or current.models)
    for warning in (warning for spec in specs if spec.findings for warning in spec.findings.warnings):
        _console.print(f"[yellow]Warning:[/] {escape(warning)}", soft_wrap=True)
    classifier = document["applications"][0].get("args", {}).get("classifier", {})
    with _console.status("Preparing the models …") as status:
        if not is_joined():  # other machines may have other processors
            _check_precision(classifier)
        if classifier.get("runtime", "auto") in {"auto", "openvino"}:
            prepare = ensure_artifact
            if classifier.get("precision") == "int8":
                from models.quantization import find_int8 as prepare  # imports numpy
            for spec in specs:
                status.update(f"Preparing {spec.title} (the first time this takes some seconds) …")
                prepare(spec, current.artifacts_dir)
        status.update("Starting Ray …")
        fitted = fit(document, {spec.name: spec.reference for spec in specs}, current.host, current.port)
        cpus = max(os.cpu_count() or 1, math.ceil(min_cores(fitted)))
        with RayCluster(dashboard=dashboard, cpus=cpus, metrics_port=current.metrics_port) as cluster:
            signal.signal(signal.SIGINT, lambda *_: stop.set())
            signal.signal(signal.SIGTERM, lambda *_: stop.set())
            cluster.deploy(fitted if is_joined() else capped(fitted, cpus))
            ready = _wait_until_ready(cluster, current.local_url, stop, status)
            if ready:
                status.stop()
                _print_addresses(current, cluster, as_json)
                stop.wait()
                status.start()
            status.update("Stopping after the requests in flight …")
            if ready and not is_joined():
                cluster.drain(APPLICATION)
    return 0


def _check_precision(classifier: dict[str, Any]) -> None:
    from models.runtimes.loading import check_precision  # imports numpy

    check_precision(classifier.get("runtime", "auto"), classifier.get("precision", "auto"))


def _check_port(current: Settings) -> None:
    family = socket.AF_INET6 if ":" in current.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((current.host, current.port))
        except OSError as error:
            raise ClusterFailed(
                f"{current.host}:{current.port} cannot be bound ({error.strerror}); choose another port with --port."
            ) from None


def _wait_until_ready(cluster: RayCluster, url: str, stop: threading.Event, status: Status) -> bool:
    """True once the service is ready, False if it was stopped before. Raises ClusterFailed."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    with httpx.Client(base_url=url, timeout=2.0, trust_env=False) as client:  # not through a proxy
        while not stop.wait(0.2):
            running, wanted = cluster.progress(APPLICATION)
            status.update(f"Starting replicas: {running} of {wanted or '…'} …")
            if wanted and running == wanted and _is_ready(client):
                return True
            if time.monotonic() > deadline:
                raise ClusterFailed(
                    f"not ready after {_START_TIMEOUT_S:g} s; the logs are in /tmp/ray/session_latest/logs."
                )
    return False


def _is_ready(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return client.get("/api/health/ready").status_code == 200
    return False


def _print_addresses(current: Settings, cluster: RayCluster, as_json: bool) -> None:
    url = current.effective_public_url
    metrics = cluster.metrics_urls
    addresses: dict[str, Any] = {
        "web": f"{url}/",
        "api": f"{url}/api/docs",
        "metrics": metrics.get("ray"),
        "proxy_metrics": metrics.get("haproxy"),
        "dashboard": cluster.dashboard_url,
    }
    if as_json:
        sys.stdout.write(json.dumps(addresses) + "\n")
        sys.stdout.flush()
        return
    _console.print(f"[bold green]Raylens is ready:[/] {addresses['web']}")
    _console.print(f"  API documentation  {addresses['api']}")
    for number, metrics_url in enumerate(metrics.values()):
        _console.print(f"  {'' if number else 'Prometheus metrics':<18} {metrics_url}")
    if cluster.dashboard_url:
        _console.print(f"  Ray dashboard      {cluster.dashboard_url}")
        _console.print("                     requires the token of `ray get-auth-token`")
    _console.print("  Ctrl-C stops it.")
