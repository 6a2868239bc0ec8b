"""The Ray cluster of ``raylens serve``: started on this machine, or joined if ``RAY_ADDRESS`` is set."""

import contextlib
import importlib
import logging
import os
import random
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from serve_app.cluster.proxy_exceptions import NO_GRPC_PROXY, except_internal_hosts
from serve_app.config import APPLICATION

FLAGS: Final = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # HAProxy resends a request whose ingress dies before the first byte of the response, if the request fits HAProxy's
    # buffer; a larger request sees a closed connection. Each connection in use takes up to two buffers.
    "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
    "RAY_SERVE_HAPROXY_RETRIES": "3",
    "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": str(128 << 10),
    # A batch is one message and can exceed Serve's default of 4 MB.
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str((2 << 30) - 1),
    # Every process keeps up to this much freed memory for the next batch. By default glibc returns it, and the kernel
    # has to provide new pages for each message, which takes half of the time of 16 images.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    # gRPC's older pollers wake fewer threads per message: 5 to 10 % more throughput with 16 connections.
    "GRPC_EXPERIMENTS": "-event_engine_client,-event_engine_listener",
    # Replicas never reach each other through a proxy.
    "no_grpc_proxy": NO_GRPC_PROXY,
    # Nothing works without HAProxy, so check it every second instead of every ten.
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    # Reject requests cheaply while the queue is full.
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve_app.ingress.load_shedding:middlewares_for_ray",
    # Serve's controller logs in the format of RAYLENS_LOG_FORMAT.
    "RAY_SERVE_CONTROLLER_CALLBACK_IMPORT_PATH": "serve_app.observability.logging:configure_ray_process_logging",
    # HAProxy would log every request for a Python process that turns the lines into metrics; Raylens has its own.
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_COLOR_PREFIX": "0",
    "GRPC_VERBOSITY": "ERROR",
}
"""Environment variables that Ray reads when it is imported, and passes on to its processes. Existing values win."""

OBJECT_STORE_BYTES: Final = 512 << 20
"""Size of Ray's shared memory."""

DRAIN_TIMEOUT_S: Final = 35.0
"""Longer than any request may take."""


class ClusterFailed(RuntimeError):
    """Ray or the application did not start; the message gives the reason."""


def free_port() -> int:
    """A port of the loopback interface that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _private_ports() -> dict[str, str]:
    """Ports that no other service on this machine uses.

    Ray's defaults are the same for all services, which would share them without an error: while an ingress restarts,
    its HAProxy would send requests to the replicas of another service.
    """
    first = random.randrange(20_000, 32_000, 100)  # noqa: S311 - not a secret
    return {
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(free_port()),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(free_port()),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(first),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(first + 100),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
    }


def _private_environment(folder: Path, *, dashboard: bool) -> dict[str, str]:
    """Environment variables of a cluster on this machine. By default all services share HAProxy's files and ports."""
    return _private_ports() | {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        # By default Ray's workers have a niceness of 15, so that any other process would starve the replicas.
        "RAY_worker_niceness": "0",
        # Ray's intervals suit clusters of a thousand nodes and take a fifth of a core on one.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.25",
        "RAY_raylet_report_resources_period_milliseconds": "1000",
        "RAY_event_stats": "0",
        "RAY_task_events_report_interval_ms": "1000" if dashboard else "0",
        # There is no load balancer that has to notice first that an ingress is shutting down.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    }


def is_joined() -> bool:
    """Whether an existing cluster is used."""
    return bool(os.environ.get("RAY_ADDRESS"))


class RayCluster:
    """A context manager. Import ``ray`` only inside of it, because Ray reads the flags when it is imported."""

    def __init__(self, *, dashboard: bool, cpus: int, metrics_port: int = 0) -> None:
        """``cpus``: of a new cluster; a joined one has its own. ``metrics_port``: 0 for a free one."""
        self._dashboard = dashboard
        self._cpus = cpus
        self._folder = Path(tempfile.mkdtemp(prefix="raylens-"))
        self._joined = is_joined()
        self.dashboard_url: str | None = None
        self.metrics_port = metrics_port or free_port()

    @property
    def metrics_urls(self) -> dict[str, str]:
        """The endpoints for Prometheus: ``ray`` (Ray and the replicas) and ``haproxy``. Empty for a joined cluster."""
        if self._joined:
            return {}
        urls = {"ray": f"http://127.0.0.1:{self.metrics_port}/metrics"}
        if os.environ["RAY_SERVE_ENABLE_HA_PROXY"] == "1":
            urls["haproxy"] = f"http://127.0.0.1:{os.environ['RAY_SERVE_HAPROXY_METRICS_PORT']}/metrics"
        return urls

    def __enter__(self) -> Self:
        environment = FLAGS if self._joined else FLAGS | _private_environment(self._folder, dashboard=self._dashboard)
        for name, value in environment.items():
            os.environ.setdefault(name, value)
        except_internal_hosts(os.environ)
        import ray  # noqa: PLC0415

        # This import takes a second, in which Ray's processes start.
        threading.Thread(target=importlib.import_module, args=("ray.serve.schema",), daemon=True).start()
        from serve_app.cluster.ray_internals import metrics_port_option, relay_replica_logs  # noqa: PLC0415

        if self._joined:
            context = ray.init(logging_level=logging.ERROR)
        else:
            context = ray.init(
                address="local",
                num_cpus=self._cpus,
                include_dashboard=self._dashboard,
                dashboard_host="127.0.0.1",
                object_store_memory=OBJECT_STORE_BYTES,
                logging_level=logging.ERROR,
                **metrics_port_option(self.metrics_port),
            )
        relay_replica_logs()
        url = context.dashboard_url
        self.dashboard_url = f"http://{url}" if url else None
        return self

    def deploy(self, config: dict[str, Any]) -> None:
        """Deploy a Serve configuration; returns before the application runs. Raises ClusterFailed."""
        from pydantic import ValidationError  # noqa: PLC0415
        from ray.serve.schema import ServeDeploySchema  # noqa: PLC0415

        from serve_app.cluster.ray_internals import deploy_schema  # noqa: PLC0415

        try:
            schema = ServeDeploySchema.model_validate(config)
        except ValidationError as error:
            fault = error.errors()[0]
            raise ClusterFailed(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        deploy_schema(schema, config["http_options"], config.get("proxy_location"))

    def progress(self, application: str) -> tuple[int, int]:
        """(running, all) deployments; (0, 0) before there are any. Raises ClusterFailed if one has failed."""
        from serve_app.cluster.serve_status import application_state  # noqa: PLC0415

        state = application_state(application)
        if state is None:
            return 0, 0
        if state.status in {"DEPLOY_FAILED", "UNHEALTHY"}:
            messages = [state.message, *(deployment.message for deployment in state.deployments.values())]
            reasons = dict.fromkeys(message.strip().splitlines()[-1] for message in messages if message.strip())
            raise ClusterFailed("\n".join([*reasons, "See also the logs in /tmp/ray/session_latest/logs/serve."]))
        running = sum(1 for deployment in state.deployments.values() if deployment.running)
        return running, len(state.deployments)

    def drain(self, application: str) -> None:
        """Wait until the images in progress are answered. Errors are ignored, because the application stops anyway."""
        from ray import serve  # noqa: PLC0415

        from serve_app.cluster.ray_internals import use_without_event_loop  # noqa: PLC0415

        handle = serve.get_deployment_handle("Ingress", application)
        with contextlib.suppress(Exception):
            use_without_event_loop(handle)
            handle.drain.remote().result(timeout_s=DRAIN_TIMEOUT_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import ray  # noqa: PLC0415
        from ray import serve  # noqa: PLC0415

        from serve_app.cluster.ray_internals import silence_controller_exit  # noqa: PLC0415

        try:
            if self._joined:
                serve.delete(APPLICATION)
            else:
                silence_controller_exit()
                serve.shutdown()
        finally:
            ray.shutdown()
            shutil.rmtree(self._folder, ignore_errors=True)
