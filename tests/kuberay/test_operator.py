"""The tests' own KubeRay operator, held to what ``rayservice_controller.go`` of KubeRay 1.7 does.

In the words of that file: ``shouldPrepareNewCluster`` and ``generateHashWithoutReplicasAndWorkersToDelete`` (what needs
a new cluster), ``calculateStatus`` (conditions, the generation that was observed, applications of one cluster only
while there are two), ``cleanUpRayClusterInstance`` (the delay) and ``validateRayService`` (nothing is observed).
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.apiserver.conditions import condition
from tests.kuberay.apiserver.definitions import MISSING, ray_definitions
from tests.kuberay.apiserver.deletion import delete
from tests.kuberay.apiserver.options import Options
from tests.kuberay.apiserver.resources import Resources
from tests.kuberay.apiserver.target import Target
from tests.kuberay.apiserver.validation import faults, unknown_fields
from tests.kuberay.chart import Manifest, one

Edit = Callable[[Manifest], Any]


class Service:
    """The chart's RayService on a server."""

    def __init__(self, server: ApiServer, manifest: Manifest) -> None:
        self.server = server
        server.store.put(manifest)

    @property
    def manifest(self) -> Manifest:
        found = self.server.store.get("RayService", "vision", "raylens")
        assert found
        return found

    @property
    def status(self) -> Manifest:
        told: Manifest = self.manifest["status"]
        return told

    def edit(self, edit: Edit) -> None:
        manifest = self.manifest
        edit(manifest["spec"])
        self.server.store.put(manifest)

    def condition(self, kind: str) -> tuple[str, str]:
        told = condition(self.status, kind)
        return told["status"], told["reason"]

    def clusters(self) -> list[Manifest]:
        return self.server.store.list("RayCluster", "vision")

    def application(self, which: str = "active") -> Manifest:
        told: Manifest = self.status[f"{which}ServiceStatus"]["applicationStatuses"]["raylens"]
        return told


@pytest.fixture
def service(api_server: ApiServer, rendered: Callable[[str], list[Manifest]]) -> Service:
    """It is up."""
    made = Service(api_server, one(rendered("eks-alb"), "RayService"))
    api_server.settle()
    return made


def image(tag: str) -> Edit:
    def edit(spec: Manifest) -> None:
        spec["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]["image"] = tag

    return edit


def group(**changes: Any) -> Edit:
    return lambda spec: spec["rayClusterConfig"]["workerGroupSpecs"][0].update(changes)


def test_the_first_cluster(api_server: ApiServer, rendered: Callable[[str], list[Manifest]]) -> None:
    service = Service(api_server, one(rendered("eks-alb"), "RayService"))
    seen = []
    for _ in range(8):
        api_server.operator.step()
        for which in ("active", "pending"):
            applications = service.status.get(f"{which}ServiceStatus", {}).get("applicationStatuses", {})
            seen += [f"{which} {one['status']}" for one in applications.values()]
    assert seen[:3] == ["pending NOT_STARTED", "pending DEPLOYING", "active RUNNING"]
    assert service.condition("Ready") == ("True", "NonZeroServeEndpoints")
    assert service.condition("UpgradeInProgress") == ("False", "NoPendingCluster")
    assert service.status["numServeEndpoints"] == 2, "the head takes no requests"
    cluster = service.status["activeServiceStatus"]["rayClusterName"]
    names = {each["metadata"]["name"] for each in api_server.store.list("Service", "vision")}
    assert names == {"raylens-serve-svc", "raylens-head-svc", f"{cluster}-head-svc"}


def test_what_it_makes_is_what_kuberay_defines(service: Service) -> None:
    """Written past the API, so nothing else holds it to the definitions."""
    resources = Resources()
    for definition in ray_definitions():
        resources.define(definition)
    for manifest in (service.manifest, *service.clusters()):
        schema = resources.of_kind(manifest["kind"]).schema
        if schema is None:
            pytest.skip(MISSING)
        assert list(faults(schema, manifest)) == []
        assert [path for path in unknown_fields(schema, manifest) if not path.startswith("metadata")] == []


def test_serves_configuration_changes_in_place(service: Service, api_server: ApiServer) -> None:
    before = service.clusters()
    service.edit(lambda spec: spec.update(serveConfigV2=spec["serveConfigV2"] + "# changed\n"))
    api_server.operator.step()
    assert service.application()["status"] == "DEPLOYING"
    assert {told["status"] for told in service.application()["serveDeploymentStatuses"].values()} == {"UPDATING"}
    assert service.condition("Ready")[0] == "True", "it says nothing of an upgrade"
    api_server.settle()
    assert service.application()["status"] == "RUNNING"
    assert [one["metadata"]["uid"] for one in service.clusters()] == [one["metadata"]["uid"] for one in before]


def test_another_image_builds_a_cluster_beside(service: Service, api_server: ApiServer) -> None:
    old = service.status["activeServiceStatus"]["rayClusterName"]
    service.edit(image("new"))
    api_server.operator.step(3)
    assert service.condition("UpgradeInProgress") == ("True", "BothActivePendingClustersExist")
    assert service.condition("Ready")[0] == "True"
    assert service.status["observedGeneration"] == 2, "long before it is done"
    assert "applicationStatuses" not in service.status["activeServiceStatus"], "nobody asks the old cluster meanwhile"
    api_server.settle()
    assert service.status["activeServiceStatus"]["rayClusterName"] != old
    assert "pendingServiceStatus" not in service.status
    assert len(service.clusters()) == 2, "the old one goes after the delay"
    api_server.operator.seconds_passed = service.manifest["spec"]["rayClusterDeletionDelaySeconds"] + 1
    api_server.settle()
    assert old not in {cluster["metadata"]["name"] for cluster in service.clusters()}


def test_replica_counts_never_reach_a_live_cluster(service: Service, api_server: ApiServer) -> None:
    """kuberay#4568: muted in the fingerprint, and so never carried over."""
    service.edit(group(minReplicas=5, maxReplicas=50, replicas=5))
    api_server.settle()
    (cluster,) = service.clusters()
    assert cluster["spec"]["workerGroupSpecs"][0]["maxReplicas"] != 50
    assert service.status["observedGeneration"] == 2
    cluster["spec"]["workerGroupSpecs"][0]["minReplicas"] = 5
    api_server.store.put(cluster)
    api_server.settle()
    (cluster,) = service.clusters()
    assert cluster["status"]["availableWorkerReplicas"] == 5, "whoever changes both has them"
    assert cluster["status"]["readyWorkerReplicas"] == service.status["numServeEndpoints"] == 2, "those with replicas"


def test_an_appended_group_is_taken_up(service: Service, api_server: ApiServer) -> None:
    service.edit(
        lambda spec: spec["rayClusterConfig"]["workerGroupSpecs"].append(
            {**spec["rayClusterConfig"]["workerGroupSpecs"][0], "groupName": "more"}
        )
    )
    api_server.settle()
    (cluster,) = service.clusters()
    assert [one["groupName"] for one in cluster["spec"]["workerGroupSpecs"]] == ["workers", "more"]


def test_what_it_refuses_is_not_observed(service: Service, api_server: ApiServer) -> None:
    service.edit(lambda spec: spec["rayClusterConfig"].update(rayVersion="2.40.0"))
    api_server.operator.step()
    assert service.condition("Ready") == ("False", "ValidationFailed")
    assert (service.status["observedGeneration"], service.manifest["metadata"]["generation"]) == (1, 2)
    (event,) = (event for event in api_server.store.list("Event") if event["reason"] == "InvalidRayServiceSpec")
    assert "minimum Ray version is 2.52.0, got 2.40.0" in event["message"]


@pytest.mark.parametrize("kind", ["ImagePullBackOff", "Unschedulable", "CrashLoopBackOff", "OOMKilled"])
def test_pods_that_do_not_come_up_leave_the_old_cluster_serving(
    service: Service, api_server: ApiServer, kind: str
) -> None:
    old = service.status["activeServiceStatus"]["rayClusterName"]
    api_server.pods.fail(f"^(?!{old})", kind)
    service.edit(image("new"))
    api_server.operator.step(12)
    assert service.condition("UpgradeInProgress")[0] == "True"
    assert service.status["activeServiceStatus"]["rayClusterName"] == old
    assert service.status["numServeEndpoints"] == 2
    api_server.pods.heal()
    api_server.settle()
    assert service.status["activeServiceStatus"]["rayClusterName"] != old


def test_applications_that_fail(service: Service, api_server: ApiServer) -> None:
    api_server.operator.serve.deploy_failure = "ModuleNotFoundError: No module named 'serve_ap'"
    api_server.operator.step(2)
    assert service.application()["status"] == "DEPLOY_FAILED"
    api_server.operator.serve.deploy_failure = ""
    api_server.operator.serve.unhealthy["Classifier"] = "The deployment failed its health check 3 times."
    api_server.operator.step(2)
    assert service.application()["status"] == "UNHEALTHY"
    assert service.application()["serveDeploymentStatuses"]["Classifier"]["status"] == "UNHEALTHY"
    assert service.application()["serveDeploymentStatuses"]["Results"]["status"] == "HEALTHY"


def test_an_upgrade_that_is_stuck(service: Service, api_server: ApiServer) -> None:
    api_server.operator.serve.stuck = True
    service.edit(image("new"))
    api_server.operator.step(15)
    assert service.application("pending")["status"] == "DEPLOYING"


def test_readiness_that_flaps(service: Service, api_server: ApiServer) -> None:
    api_server.operator.flapping = True
    seen = set()
    for _ in range(4):
        api_server.operator.step()
        seen.add(service.condition("Ready"))
    assert seen == {("True", "NonZeroServeEndpoints"), ("False", "ZeroServeEndpoints")}


def test_redis_is_cleaned_before_a_cluster_goes(service: Service, api_server: ApiServer) -> None:
    """The finalizer of GCS fault tolerance: while its Job is not done, the RayCluster stays."""
    resource = api_server.store.resources.of_kind("RayService")
    delete(api_server.store, Target(resource, "vision", "raylens"), Options())
    (cluster,) = service.clusters()
    assert cluster["metadata"]["finalizers"] == ["ray.io/gcs-ft-redis-cleanup-finalizer"]
    assert "deletionTimestamp" in cluster["metadata"]
    api_server.settle()
    assert service.clusters() == []
    assert [pod for pod in api_server.store.list("Pod") if "is-ray-node" in str(pod["metadata"])] == []
