"""The settings of a cluster: by default, other machines reach nothing but the service."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from serve_app.cluster import service_cluster
from serve_app.cluster.haproxy import FORWARDED_FOR
from serve_app.cluster.haproxy_config import OPTIONS, HAProxyOptions
from serve_app.cluster.listen_address import ListenAddress
from serve_app.cluster.run_folder import RunFolder
from serve_app.cluster.service_cluster import ClusterOptions, ServiceCluster
from tests.servers.process import free_port

LOOPBACK = "127.0.0.1"
Told = tuple[ServiceCluster, dict[str, str], HAProxyOptions]


class Process:
    """In place of the process that would run Ray."""

    log_descriptor = 2

    def __init__(self, _folder: RunFolder, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)

    def kill(self) -> None:
        pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Told]]:
    monkeypatch.setattr(service_cluster, "ClusterProcess", Process)
    with ExitStack() as stack:

        def start(*, host: str = LOOPBACK, metrics_port: int = 0, **environment: str) -> Told:
            address = ListenAddress.resolve(host, free_port())
            options: Any = ClusterOptions(
                address, "haproxy", False, metrics_port, per_address=7, hops=2, proxy_token="secret"
            )
            cluster = stack.enter_context(ServiceCluster(options, os.environ | environment))
            known = cluster.process.environment  # type: ignore[attr-defined]
            return cluster, known, HAProxyOptions.from_environment(known)

        yield start


def test_by_default_only_the_service_is_for_other_machines(told: Callable[..., Told]) -> None:
    cluster, environment, haproxy = told(host="0.0.0.0")
    assert cluster.ray_host == LOOPBACK, "of Ray's processes and replicas"
    assert haproxy.private_metrics
    assert haproxy.ray_metrics == (0, 0)
    assert [bind.rpartition(":")[0] for bind in haproxy.binds] == ["0.0.0.0"]
    assert {url.partition("://")[2].partition(":")[0] for url in cluster.metrics_urls.values()} == {LOOPBACK}
    assert environment[FORWARDED_FOR] == "1"
    assert (haproxy.per_address, haproxy.hops, haproxy.token) == (7, 2, "secret")


def test_configured_ports_of_metrics_are_for_other_machines(told: Callable[..., Told]) -> None:
    """Those of Ray through HAProxy: Ray's own port, which is also that of the agent, is not."""
    public = free_port()
    cluster, _, haproxy = told(metrics_port=public, RAY_SERVE_HAPROXY_METRICS_PORT=str(free_port()))
    new = cluster.job({}, cpus=1).new
    assert new
    assert haproxy.ray_metrics == (public, new.metrics_port)
    assert new.metrics_port != public
    assert not haproxy.private_metrics


def test_rays_token_is_in_the_folder_of_the_service(told: Callable[..., Told]) -> None:
    cluster, environment, _ = told()
    path = Path(environment["RAY_AUTH_TOKEN_PATH"])
    assert path == cluster.token
    assert path.parent == cluster.folder.path
    assert path.stat().st_mode & 0o777 == 0o600
    assert "secret" not in json.dumps({name: value for name, value in environment.items() if name != OPTIONS})
