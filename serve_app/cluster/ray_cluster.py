"""A Ray for Raylens: starts one on this machine or joins ``RAY_ADDRESS``, deploys, and takes it all down again."""

import contextlib
import importlib
import logging
import os
import random
import shutil
import socket
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

FLAGS: Final = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # A request whose ingress dies before the first byte of its answer is sent once more. HAProxy can do that with what
    # fits its buffer; a larger one is told by a closed connection. Up to two buffers for each connection in use.
    "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
    "RAY_SERVE_HAPROXY_RETRIES": "3",
    "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": str(128 << 10),
    # A batch travels as one message, of more than Serve's 4 MB.
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str((2 << 30) - 1),
    # Every process keeps the memory that batches pass through, at most so much, for the next batch. glibc by itself
    # writes each message to pages that the kernel has to make first: half of the time of 16 images' way.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    # gRPC's older pollers wake fewer threads for each message: 5 to 10 % more images with 16 connections.
    "GRPC_EXPERIMENTS": "-event_engine_client,-event_engine_listener",
    # HAProxy dead is everything dead: look each second, not each ten.
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    # While the queue is full, requests are refused before they cost anything.
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve_app.ingress.load_shedding:middlewares_for_ray",
    # What Serve's controller logs has the form that RAYLENS_LOG_FORMAT asks for.
    "RAY_SERVE_CONTROLLER_CALLBACK_IMPORT_PATH": "serve_app.observability.logging:configure_ray_process_logging",
    # Of each request HAProxy would write a line that a Python process parses into metrics; ours say more.
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_COLOR_PREFIX": "0",
    "GRPC_VERBOSITY": "ERROR",
}
"""Read by Ray at its import, and handed on to its processes. What the environment says already, stands."""

OBJECT_STORE_BYTES: Final = 512 << 20
"""Shared memory for the tensors under way; 16 images of 224 × 224 take 2.4 MB."""


DRAIN_S: Final = 35.0
"""Above the longest a request may take."""


class ClusterFailed(RuntimeError):
    """Ray or the deployment did not come up; the message says why."""


def free_port() -> int:
    """A port of the loopback interface that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _private_ports() -> dict[str, str]:
    """Ports of this service alone.

    Ray's defaults are one set a machine, and shared without a word: while an ingress restarts, its HAProxy would hand
    the requests to the replicas of another service.
    """
    first = random.randrange(20_000, 32_000, 100)  # noqa: S311 - a place, not a secret
    return {
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(free_port()),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(free_port()),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(first),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(first + 100),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
    }


def _relay_replica_logs() -> None:
    """Show what our replicas log, as they wrote it; what Ray's own actors write stays in Ray's log files."""
    from ray._private.ray_logging import global_worker_stdstream_dispatcher as streams  # noqa: PLC0415

    def relay(batch: dict[str, Any]) -> None:
        if str(batch.get("actor_name", "")).startswith("ServeReplica:"):
            sys.stderr.write("".join(f"{line}\n" for line in batch["lines"]))

    streams.remove_handler("ray_print_logs")
    streams.add_handler("ray_print_logs", relay)


def _serve_client(http_options: dict[str, Any], proxy_location: str | None) -> Any:  # noqa: ANN401 - a class of Ray's own
    """The client of the Serve that runs, or of one started here.

    ``serve.start()`` returns once the proxies are up; the application can be built meanwhile.
    """
    from ray.serve._private.api import _create_controller_and_proxy_refs  # noqa: PLC0415
    from ray.serve._private.client import ServeControllerClient  # noqa: PLC0415
    from ray.serve.context import _get_global_client, _set_global_client  # noqa: PLC0415
    from ray.serve.exceptions import RayServeException  # noqa: PLC0415

    with contextlib.suppress(RayServeException):
        if running := _get_global_client():
            return running
    controller, _ = _create_controller_and_proxy_refs(
        http_options=http_options,
        grpc_options=None,
        controller_options=None,
        proxy_location=proxy_location,
        global_tracing_config=None,
        global_logging_config={"log_level": "WARNING"},
    )
    client = ServeControllerClient(controller)
    _set_global_client(client)
    return client


def is_joined() -> bool:
    """Whether there is a cluster already that is to be used."""
    return bool(os.environ.get("RAY_ADDRESS"))


class Cluster:
    """Context manager around Ray. Import ``ray`` only after it was entered: the flags count at import."""

    def __init__(self, *, dashboard: bool, cpus: int, metrics_port: int = 0) -> None:
        """``cpus``: what a Ray started here may hand out; one that is joined knows its own."""
        self._dashboard = dashboard
        self._cpus = cpus
        self._folder = Path(tempfile.mkdtemp(prefix="raylens-"))
        self._joined = is_joined()
        self.dashboard_url: str | None = None
        self.metrics_port = metrics_port or free_port()

    @property
    def metrics_urls(self) -> dict[str, str]:
        """For Prometheus, by who speaks there: Ray for itself and the stages, HAProxy. Empty for a cluster joined."""
        if self._joined:
            return {}
        urls = {"ray": f"http://127.0.0.1:{self.metrics_port}/metrics"}
        if os.environ["RAY_SERVE_ENABLE_HA_PROXY"] == "1":
            urls["haproxy"] = f"http://127.0.0.1:{os.environ['RAY_SERVE_HAPROXY_METRICS_PORT']}/metrics"
        return urls

    def __enter__(self) -> Self:
        # HAProxy's files and ports are one set a machine by default; each service of ours has its own.
        private = _private_ports() | {
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(self._folder / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(self._folder / "admin.sock"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(self._folder),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(self._folder / "server-state"),
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(self._folder / "metrics.sock"),
            "RAY_SERVE_HAPROXY_NBTHREAD": "1",
            # Ray gives its workers the niceness of background jobs, 15; any other process would starve the replicas.
            "RAY_worker_niceness": "0",
            # What Ray does all the time for clusters of a thousand nodes takes a fifth of a core on this one.
            "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.25",
            "RAY_raylet_report_resources_period_milliseconds": "1000",
            "RAY_event_stats": "0",
            "RAY_task_events_report_interval_ms": "1000" if self._dashboard else "0",
            # Nobody else sends requests here, so the ingress need not wait for a load balancer to look away.
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
        }
        for name, value in (FLAGS | ({} if self._joined else private)).items():
            os.environ.setdefault(name, value)
        import ray  # noqa: PLC0415

        # Its second is spent while Ray's processes start.
        threading.Thread(target=importlib.import_module, args=("ray.serve.schema",), daemon=True).start()
        if self._joined:
            context = ray.init(logging_level=logging.ERROR)
        else:
            context = ray.init(
                address="local",
                num_cpus=self._cpus,
                include_dashboard=self._dashboard,
                dashboard_host="127.0.0.1",
                _metrics_export_port=self.metrics_port,
                object_store_memory=OBJECT_STORE_BYTES,
                logging_level=logging.ERROR,
            )
        _relay_replica_logs()
        url = context.dashboard_url
        self.dashboard_url = f"http://{url}" if url else None
        return self

    def deploy(self, config: dict[str, Any]) -> None:
        """Hand the Serve configuration to the controller; returns before it runs. Raises ClusterFailed."""
        from pydantic import ValidationError  # noqa: PLC0415
        from ray.serve.schema import ServeDeploySchema  # noqa: PLC0415

        try:
            schema = ServeDeploySchema.model_validate(config)
        except ValidationError as error:
            fault = error.errors()[0]
            raise ClusterFailed(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        _serve_client(config["http_options"], config.get("proxy_location")).deploy_apps(schema)

    def progress(self, application: str) -> tuple[int, int]:
        """(running, all) deployments, (0, 0) before there are any. Raises ClusterFailed where one has failed."""
        from serve_app.cluster.serve_status import application_state  # noqa: PLC0415

        state = application_state(application)
        if state is None:
            return 0, 0
        if state.status in {"DEPLOY_FAILED", "UNHEALTHY"}:
            messages = [state.message, *(deployment.message for deployment in state.deployments.values())]
            reasons = dict.fromkeys(message.strip().splitlines()[-1] for message in messages if message.strip())
            raise ClusterFailed("\n".join([*reasons, "More is in the logs below /tmp/ray/session_latest/logs/serve."]))
        running = sum(1 for deployment in state.deployments.values() if deployment.running)
        return running, len(state.deployments)

    def drain(self, application: str) -> None:
        """Let the images under way be answered before anything goes down."""
        from ray import serve  # noqa: PLC0415

        handle = serve.get_deployment_handle("Ingress", application)
        with contextlib.suppress(Exception):  # what cannot be drained goes down all the same
            handle._init(_run_router_in_separate_loop=True)
            handle.drain.remote().result(timeout_s=DRAIN_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import ray  # noqa: PLC0415
        from ray import serve  # noqa: PLC0415

        from serve_app.cluster.serve_config import APPLICATION  # noqa: PLC0415

        try:
            if self._joined:
                serve.delete(APPLICATION)
            else:
                # The controller ends by its own hand, which Ray reports as the failure of a task.
                ray._private.worker.print_to_stdstream = lambda *_, **__: None
                serve.shutdown()
        finally:
            ray.shutdown()
            shutil.rmtree(self._folder, ignore_errors=True)
