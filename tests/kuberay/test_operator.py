"""The tests' KubeRay operator behaves like KubeRay 1.7 where Raylens depends on it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.chart import Manifest, one
from tests.kuberay.schemas import ray_service_schema


@pytest.fixture
def server(api_server: ApiServer, rendered: Callable[[str], list[Manifest]]) -> ApiServer:
    """With the chart's RayService, ready."""
    api_server.store.put(one(rendered("eks-alb"), "RayService"))
    api_server.settle()
    return api_server


def edit(server: ApiServer, kind: str, **worker_group: Any) -> None:
    (found,) = server.store.list(kind)
    spec = found["spec"]["rayClusterConfig"] if kind == "RayService" else found["spec"]
    spec["workerGroupSpecs"][0].update(worker_group)
    server.store.put(found)
    server.settle()


def test_the_status_matches_the_definition(server: ApiServer) -> None:
    """So the fields that Raylens reads exist, those of the RayCluster's status included."""
    (service,) = server.store.list("RayService")
    assert service["status"]["activeServiceStatus"]["rayClusterStatus"]
    assert list(ray_service_schema().iter_errors(service)) == []


def test_bounds_never_reach_a_running_cluster(server: ApiServer) -> None:
    """kuberay#4568."""
    edit(server, "RayService", minReplicas=5, maxReplicas=50)
    (cluster,) = server.store.list("RayCluster")
    assert cluster["status"]["maxWorkerReplicas"] != 50


def test_workers_without_replicas_run_but_are_not_ready(server: ApiServer) -> None:
    """KubeRay's readiness probe requests Serve's proxy, which they lack."""
    edit(server, "RayCluster", minReplicas=5)
    (cluster,) = server.store.list("RayCluster")
    assert (cluster["status"]["availableWorkerReplicas"], cluster["status"]["readyWorkerReplicas"]) == (5, 2)
    (service,) = server.store.list("RayService")
    assert service["status"]["numServeEndpoints"] == 2


def test_another_image_builds_a_second_cluster(server: ApiServer) -> None:
    (service,) = server.store.list("RayService")
    first = service["status"]["activeServiceStatus"]["rayClusterName"]
    service["spec"]["rayClusterConfig"]["rayVersion"] = "2.99.0"
    server.store.put(service)
    server.operator.step(2)
    (service,) = server.store.list("RayService")
    assert service["status"]["activeServiceStatus"]["rayClusterName"] == first
    assert service["status"]["pendingServiceStatus"]["rayClusterName"] != first
    server.settle()
    (service,) = server.store.list("RayService")
    assert service["status"]["activeServiceStatus"]["rayClusterName"] != first
