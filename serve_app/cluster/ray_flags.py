"""Environment variables that configure Ray's processes. Ray reads them when it is imported."""

from pathlib import Path
from typing import Final

from serve_app.cluster.port_block import PortBlock
from serve_app.cluster.proxy_exceptions import NO_GRPC_PROXY
from serve_app.transport.socket_folder import SOCKET_FOLDER

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
"""Flags of every cluster, which Ray passes on to its processes. Existing values win."""


def private_flags(folder: Path, ports: PortBlock, *, dashboard: bool) -> dict[str, str]:
    """Flags of a cluster on this machine. By default all services share HAProxy's files and ports."""
    return ports.flags() | {
        SOCKET_FOLDER: str(folder / "calls"),
        # Ray listens on the loopback interface instead of all. As on macOS, where it asks for no firewall exception.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        # The shortest name: the length of socket paths is limited, and Ray adds a folder with a name of 56 characters.
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "s"),
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
