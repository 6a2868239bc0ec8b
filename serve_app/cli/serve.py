"""``raylens serve``: start the service."""

import contextlib
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from models.artifacts import ensure_artifact
from models.errors import ModelError
from models.zoo import resolve_models
from serve_app.cli.standard_streams import write_stdout
from serve_app.cli.stop_signals import StopSignals
from serve_app.cluster.file_limit import FEW_CONNECTIONS, MAX_CONNECTIONS, TooFewFiles, connections, raise_file_limit
from serve_app.cluster.haproxy import HAProxyUnusable, find_haproxy
from serve_app.cluster.joined_cluster import check_ray_address, is_joined
from serve_app.cluster.listen_address import AddressUnusable, ListenAddress, PortInUse
from serve_app.cluster.port_block import NoFreePorts, is_free
from serve_app.cluster.ray_cluster import ClusterFailed
from serve_app.cluster.run_folder import NoRunFolder, remove_abandoned
from serve_app.cluster.serve_config import BadConfiguration, capped, default_path, fit, min_cores, read
from serve_app.cluster.service_cluster import ClusterOptions, ServiceCluster
from serve_app.database.embedded_file import DataUnusable, check_file, check_folder
from serve_app.observability import tracing
from serve_app.observability.tracing import TracingUnavailable
from serve_app.proxy_token import proxy_token
from serve_app.settings import MissingSecretKey, Settings, settings

_START_TIMEOUT_S = 300.0
_ATTEMPTS = 3
"""Starts of the cluster, if other programs take its private ports meanwhile."""


class _Ended(ClusterFailed):
    """The service was ready before."""


class _OutputFailed(RuntimeError):
    """Nobody would learn the addresses."""


class _PortsLost(ClusterFailed):
    """Another program has taken a private port, so another attempt may succeed."""


_INVALID = (AddressUnusable, BadConfiguration, MissingSecretKey, TracingUnavailable)
_FAILED = (
    ClusterFailed,
    DataUnusable,
    HAProxyUnusable,
    ModelError,
    NoFreePorts,
    NoRunFolder,
    TooFewFiles,
    _OutputFailed,
)


@dataclass(frozen=True, slots=True)
class _Terminal:
    console: Console
    status: Status
    signals: StopSignals
    as_json: bool


def serve_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: RAYLENS_HOST or 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on; default: RAYLENS_PORT or 8000.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Ray Serve configuration; default: config/serve.yaml.")] = None,
    dashboard: Annotated[bool, typer.Option(help="Start the Ray dashboard on localhost.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as one JSON object.")] = False,
) -> None:
    """Start Raylens on this machine, or on the Ray cluster of RAY_ADDRESS, and serve until Ctrl-C.

    Exit status: 0 stopped, 1 could not start, 2 usage error or invalid settings.
    """
    console = Console(stderr=True, highlight=False)
    terminal = _Terminal(console, console.status("Preparing the models …"), StopSignals(), as_json)
    code = 0
    try:
        _serve(_with_address(settings(), host, port), config or default_path(), dashboard, terminal)
    except KeyboardInterrupt:
        pass  # stopped before the cluster was started
    except (*_INVALID, *_FAILED) as error:
        heading = "Raylens ended:" if isinstance(error, _Ended) else "Raylens could not start:"
        console.print(f"[red]{heading}[/] {escape(str(error))}", soft_wrap=True)
        code = 2 if isinstance(error, _INVALID) and not isinstance(error, PortInUse) else 1
    raise typer.Exit(code)


def _with_address(base: Settings, host: str | None, port: int | None) -> Settings:
    """The settings with the command-line options, which replicas inherit through the environment."""
    os.environ["RAYLENS_HOST"] = host or base.host
    os.environ["RAYLENS_PORT"] = str(port or base.port)
    os.environ["RAYLENS_DATA_DIR"] = str(base.data_dir)  # absolute, as replicas may run in another folder
    os.environ["RAYLENS_DATABASE_URL"] = base.database_url
    settings.cache_clear()
    return settings()


def _serve(current: Settings, config: Path, dashboard: bool, terminal: _Terminal) -> None:
    if current.tracing:
        tracing.check()
    _check_data(current)
    _ = current.signing_keys  # created, or rejected, before Ray starts
    options = _cluster_options(current, dashboard, terminal.console)
    document = read(config)
    specs = resolve_models(document["applications"][0].get("args", {}).get("models") or current.models)
    for warning in (warning for spec in specs if spec.findings for warning in spec.findings.warnings):
        terminal.console.print(f"[yellow]Warning:[/] {escape(warning)}", soft_wrap=True)
    classifier = document["applications"][0].get("args", {}).get("classifier", {})
    remove_abandoned()
    with terminal.status:
        if not is_joined():  # other machines may have other processors
            _check_precision(classifier)
        if classifier.get("runtime", "auto") in {"auto", "openvino"}:
            prepare = ensure_artifact
            if classifier.get("precision") == "int8":
                from models.quantization import ensure_int8 as prepare  # imports numpy
            for spec in specs:
                terminal.status.update(f"Preparing {escape(spec.title)} (the first time this takes some seconds) …")
                prepare(spec, current.artifacts_dir)
        terminal.signals.interrupting = False
        fitted = fit(document, {spec.name: spec.reference for spec in specs}, current.host, current.port)
        for _ in range(_ATTEMPTS - 1):
            with contextlib.suppress(_PortsLost):
                return _run(fitted, options, current, terminal)
        return _run(fitted, options, current, terminal)


def _cluster_options(current: Settings, dashboard: bool, console: Console) -> ClusterOptions:
    """Check all that the cluster needs, before it starts. Raises the errors of this module."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise NoRunFolder("the working folder has been deleted; change to another one.") from None
    open_files = raise_file_limit()
    allowed = connections(open_files)
    if allowed < FEW_CONNECTIONS:
        console.print(
            f"The limit of {open_files:,} open files (`ulimit -n`) allows {allowed:,} concurrent connections "
            f"instead of {MAX_CONNECTIONS:,}.",
            soft_wrap=True,
        )
    address = ListenAddress.resolve(current.host, current.port)
    proxied = not is_joined() and os.environ.get("RAY_SERVE_ENABLE_HA_PROXY", "1") == "1"
    if is_joined():
        check_ray_address()
    else:
        _check_port("RAYLENS_METRICS_PORT", str(current.metrics_port))
        _check_port("RAY_SERVE_HAPROXY_METRICS_PORT", os.environ.get("RAY_SERVE_HAPROXY_METRICS_PORT") or "0")
    return ClusterOptions(
        address,
        find_haproxy(os.environ) if proxied else "",
        dashboard,
        current.metrics_port,
        allowed,
        current.connections_per_address,
        current.forwarded_hops,
        proxy_token(current.signing_keys[0]),
    )


def _exposures(*, proxied: bool) -> list[str]:
    """What is not protected in this mode, in one line each."""
    if is_joined():
        return ["Ray's ports in the cluster of RAY_ADDRESS are not limited to this machine; let a firewall close them."]
    warnings = []
    if not proxied:
        warnings.append("without HAProxy, connections and slow clients are not limited; put a proxy in front.")
    if os.environ.get("RAY_AUTH_MODE") == "disabled":
        warnings.append("with RAY_AUTH_MODE=disabled, every user of this machine can run code as you.")
    return warnings


def _check_port(name: str, value: str) -> None:
    if not (value.isascii() and value.isdecimal() and int(value) < 65_536):
        raise AddressUnusable(f"{name}: {value} is not a port.")
    if int(value) and not is_free(int(value)):
        raise PortInUse(f"{name}: port {value} is in use by another program; choose another one.")


def _run(fitted: dict[str, Any], options: ClusterOptions, current: Settings, terminal: _Terminal) -> None:
    """Run the service until it is stopped. Raises ClusterFailed; PortsLost if another attempt may succeed."""
    cpus = max(os.cpu_count() or 1, math.ceil(min_cores(fitted)))
    status, signals = terminal.status, terminal.signals
    status.update("Starting Ray …")
    with ServiceCluster(options, os.environ) as cluster:
        document = {**fitted, "http_options": {**fitted["http_options"], "host": cluster.ray_host}}
        job = cluster.job(document if is_joined() else capped(document, cpus), cpus)
        ready = False
        try:
            ready = cluster.process.start(
                job,
                on_progress=lambda running, wanted: status.update(f"Starting replicas: {running} of {wanted or '…'} …"),
                stopping=signals.stopping,
                timeout_s=_START_TIMEOUT_S,
            )
            if ready:
                status.stop()
                for warning in _exposures(proxied=bool(options.haproxy)):
                    terminal.console.print(f"[yellow]Warning:[/] {warning}", soft_wrap=True)
                _print_addresses(current, cluster, terminal)
                cluster.process.wait(signals.stopping)
                status.start()
                status.update("Stopping after the requests in flight …")
        except ClusterFailed as error:
            raise _explained(error, cluster, options.address, ready) from None
        finally:
            if ready or is_joined():  # a joined cluster keeps the application unless it is removed
                cluster.process.stop(signals.impatient)


def _check_precision(classifier: dict[str, Any]) -> None:
    from models.runtimes.loading import check_precision  # imports numpy

    check_precision(classifier.get("runtime", "auto"), classifier.get("precision", "auto"))


def _check_data(current: Settings) -> None:
    """Raises DataUnusable. A database server may be unavailable at the start."""
    from serve_app.database.database_url import parse_database_url  # imports SQLAlchemy

    check_folder(current.data_dir)
    check_folder(current.spool_dir)
    url = parse_database_url(current.effective_database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        check_folder(Path(url.database).parent)
        check_file(Path(url.database))


def _explained(error: ClusterFailed, cluster: ServiceCluster, address: ListenAddress, ready: bool) -> ClusterFailed:
    """The error with what the user can do about it."""
    if ready:
        cluster.keep_logs = True
        return _Ended(f"{str(error).rstrip('.')}; see also the logs in {cluster.logs}.")
    if is_joined():
        return ClusterFailed(f"{str(error).rstrip('.')}; see also the logs of the cluster.")
    if cluster.has_lost_ports():
        return _PortsLost(f"other programs took ports of this service {_ATTEMPTS} times; start it again.")
    if address.taken():
        return ClusterFailed(
            f"another program has taken port {address.port}; choose another one with --port or RAYLENS_PORT."
        )
    cluster.keep_logs = True
    return ClusterFailed(f"{str(error).rstrip('.')}; see also the logs in {cluster.logs}.")


def _print_addresses(current: Settings, cluster: ServiceCluster, terminal: _Terminal) -> None:
    console = terminal.console
    url = current.effective_public_url
    metrics = cluster.metrics_urls
    dashboard_url = cluster.process.dashboard_url
    addresses: dict[str, Any] = {
        "web": f"{url}/",
        "api": f"{url}/api/docs",
        "metrics": metrics.get("ray"),
        "proxy_metrics": metrics.get("haproxy"),
        "dashboard": dashboard_url,
        "logs": None if is_joined() else str(cluster.logs),
    }
    if terminal.as_json:
        if reason := write_stdout(json.dumps(addresses) + "\n"):
            raise _OutputFailed(f"the addresses cannot be written to standard output ({reason}).")
        return
    console.print(f"[bold green]Raylens is ready:[/] {addresses['web']}")
    console.print(f"  API documentation  {addresses['api']}")
    for number, metrics_url in enumerate(metrics.values()):
        console.print(f"  {'' if number else 'Prometheus metrics':<18} {metrics_url}")
    if dashboard_url:
        console.print(f"  Ray dashboard      {dashboard_url}")
        token = f"in {cluster.token}" if cluster.token else "of `ray get-auth-token`"
        console.print(f"                     requires the token {token}", soft_wrap=True)
    if addresses["logs"]:
        console.print(f"  Ray's logs         {addresses['logs']}", soft_wrap=True)
    console.print("  Ctrl-C stops it.")
