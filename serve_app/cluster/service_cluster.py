"""All that a service needs on this machine besides its data folder: a temporary folder, ports and the cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from serve_app.cluster.auth_token import token_flags, token_path
from serve_app.cluster.cluster_process import ClusterProcess
from serve_app.cluster.file_limit import MAX_CONNECTIONS
from serve_app.cluster.haproxy import LOOPBACK, haproxy_flags
from serve_app.cluster.haproxy_config import PER_ADDRESS, HAProxyOptions
from serve_app.cluster.joined_cluster import is_joined
from serve_app.cluster.listen_address import ListenAddress
from serve_app.cluster.port_block import PortBlock
from serve_app.cluster.proxy_exceptions import except_internal_hosts
from serve_app.cluster.ray_cluster import NewCluster
from serve_app.cluster.ray_flags import FLAGS, private_flags
from serve_app.cluster.run_folder import RunFolder
from serve_app.cluster.runner import ServiceJob


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How to start the cluster."""

    address: ListenAddress
    haproxy: str
    """Path of the program; empty if Ray Serve's own proxy is used."""
    dashboard: bool
    metrics_port: int
    """On all interfaces; 0: a free one on the loopback interface only."""
    connections: int = MAX_CONNECTIONS
    per_address: int = PER_ADDRESS
    """Connections of one address; 0: as many as there are."""
    hops: int = 0
    """Trusted proxies in front of HAProxy."""
    proxy_token: str = field(default="", repr=False)


class ServiceCluster:
    """A context manager; at its end nothing of the cluster is left, unless ``keep_logs`` is set."""

    def __init__(self, options: ClusterOptions, environment: Mapping[str, str]) -> None:
        """``environment``: of Ray's processes; its values win. Raises NoRunFolder or NoFreePorts."""
        self._options = options
        self.keep_logs = False
        self.folder = RunFolder()
        self._ports: PortBlock | None = None
        try:
            self._ports = None if is_joined() else PortBlock(*self._public_ports(environment))
            known = {**self._flags(), **environment}
            if self._ports:
                known |= token_flags(self.folder.path, environment)
            self._environment = {**known, **self._haproxy_flags(environment)}
            except_internal_hosts(self._environment)
            self.process = ClusterProcess(self.folder, self._environment)
        except BaseException:
            self._release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self._release()

    @property
    def metrics_urls(self) -> dict[str, str]:
        """The endpoints for Prometheus: ``ray`` (Ray and the replicas) and ``haproxy``. Empty for a joined cluster."""
        if not self._ports:
            return {}
        urls = {"ray": f"http://{LOOPBACK}:{self._options.metrics_port or self._ray_metrics_port}/metrics"}
        if self._options.haproxy:
            urls["haproxy"] = f"http://{LOOPBACK}:{self._environment['RAY_SERVE_HAPROXY_METRICS_PORT']}/metrics"
        return urls

    @property
    def token(self) -> Path | None:
        """The file with Ray's token; None if it was configured, or the cluster existed before."""
        path = token_path(self.folder.path)
        return path if path.exists() else None

    @property
    def logs(self) -> Path:
        """Ray's log files, if they are on this machine and Ray has got that far."""
        return self.folder.logs if self.folder.logs.is_dir() else self.folder.path

    def job(self, config: dict[str, Any], cpus: int) -> ServiceJob:
        """``cpus``: of a new cluster; a joined one has its own."""
        options = self._options
        path = str(self.folder.path)
        return ServiceJob(
            config=config,
            host=options.address.reachable_host,
            port=options.address.port,
            log=self.process.log_descriptor,
            new=NewCluster(path, cpus, options.dashboard, self._ray_metrics_port) if self._ports else None,
        )

    def has_lost_ports(self) -> bool:
        """Whether another program has taken a private port, so that another attempt may succeed. Ends the cluster."""
        self.process.kill()
        return bool(self._ports and self._ports.taken())

    @property
    def ray_host(self) -> str:
        """The ``host`` of Ray Serve's HTTP options."""
        if not self._ports:
            return self._options.address.host
        return LOOPBACK if self._options.haproxy else str(self._options.address.sockaddrs[0][0])

    @property
    def _ray_metrics_port(self) -> int:
        if self._ports and (self._options.haproxy or not self._options.metrics_port):
            return self._ports.ray_metrics_port
        return self._options.metrics_port

    def _release(self) -> None:
        if self._ports:
            self._ports.close()
        self.folder.close(keep=self.keep_logs)

    def _public_ports(self, environment: Mapping[str, str]) -> tuple[int, int, int]:
        metrics = environment.get("RAY_SERVE_HAPROXY_METRICS_PORT", "")
        return self._options.address.port, self._options.metrics_port, int(metrics or 0)

    def _flags(self) -> dict[str, str]:
        if not self._ports:
            return dict(FLAGS)
        private = private_flags(self.folder.path, self._ports, dashboard=self._options.dashboard)
        return FLAGS | private | {"RAY_SERVE_HAPROXY_MAXCONN": str(self._options.connections)}

    def _haproxy_flags(self, environment: Mapping[str, str]) -> dict[str, str]:
        given = self._options
        if not self._ports or not given.haproxy:
            return {}
        options = HAProxyOptions(
            binds=given.address.haproxy_binds(),
            # A configured port is meant for other machines.
            private_metrics="RAY_SERVE_HAPROXY_METRICS_PORT" not in environment,
            ray_metrics=(given.metrics_port, self._ports.ray_metrics_port) if given.metrics_port else (0, 0),
            hops=given.hops,
            per_address=given.per_address,
            token=given.proxy_token,
        )
        return haproxy_flags(given.haproxy, options)
