"""The RayService: KubeRay's definition, Ray's flags, workers, drain, security."""

import copy

import pytest
import yaml

from serve_app.cluster.file_limit import MAX_CONNECTIONS
from serve_app.cluster.haproxy import FORWARDED_FOR
from serve_app.cluster.object_store import OBJECT_STORE_BYTES
from serve_app.cluster.ray_flags import FLAGS
from tests.kuberay.chart import CHART, EKS, Helm, Manifest, environment, one, pods
from tests.kuberay.programs import ROOT
from tests.kuberay.schemas import ray_service_schema

CLUSTER_FLAGS = {
    "RAY_LOG_TO_STDERR": "1",
    "RAY_SERVE_LOG_TO_STDERR": "1",
    "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": "30000",
    "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": "31000",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",
    "RAY_SERVE_HAPROXY_METRICS_PORT": "9101",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    "RAY_SERVE_HAPROXY_BINARY_PATH": "/app/serve_app/cluster/haproxy",
    "RAY_SERVE_HAPROXY_MAXCONN": str(MAX_CONNECTIONS),
    FORWARDED_FOR: "1",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_worker_niceness": "0",
}
"""In addition to those of `raylens serve`."""


def faults(manifest: Manifest) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in ray_service_schema().iter_errors(manifest)]


def test_matches_kuberays_definition(manifests: list[Manifest]) -> None:
    assert faults(one(manifests, "RayService")) == []


@pytest.mark.parametrize("strategy", ["NewCluster", "NewClusterWithIncrementalUpgrade"])
def test_every_upgrade_strategy_matches_the_definition(helm: Helm, strategy: str) -> None:
    values = EKS.having(
        ingress__mode="none",
        upgrade__type=strategy,
        upgrade__incremental__gatewayClassName="envoy",
        podAnnotations__note="b",
        image__pullSecrets=["registry"],
        head__priorityClassName="high",
    )
    service = one(helm.template(values), "RayService")
    assert faults(service) == []
    assert service["spec"]["upgradeStrategy"]["type"] == strategy


def test_the_definition_rejects_unknown_keys(rendered) -> None:
    """Otherwise the two tests above could not fail."""
    wrong = copy.deepcopy(one(rendered("eks-alb"), "RayService"))
    wrong["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]["enviroment"] = []
    wrong["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["minReplica"] = 2
    assert len(faults(wrong)) == 2


def test_head_and_workers_start_ray_with_the_flags_of_raylens_serve(rendered) -> None:
    known = yaml.safe_load((CHART / "files" / "ray-environment.yaml").read_text())
    assert known == FLAGS | CLUSTER_FLAGS
    templates = pods(rendered("eks-alb"))
    for name in ("head", "workers"):
        assert environment(templates[name]).items() >= known.items()
    assert environment(templates["head"]) == environment(templates["workers"])


def test_the_head_runs_no_replicas_and_takes_no_requests(rendered) -> None:
    spec = one(rendered("eks-alb"), "RayService")["spec"]
    assert spec["rayClusterConfig"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert spec["excludeHeadPodFromServeSvc"] is True


def test_at_least_two_workers_of_one_shape(manifests: list[Manifest]) -> None:
    (group,) = one(manifests, "RayService")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    assert 2 <= group["minReplicas"] == group["replicas"] <= group["maxReplicas"]
    resources = group["template"]["spec"]["containers"][0]["resources"]
    assert resources["requests"] == resources["limits"], "Ray assigns the limit, Kubernetes reserves the request"


def test_nodes_drain_before_they_are_killed(manifests: list[Manifest]) -> None:
    for template in (pods(manifests)["head"], pods(manifests)["workers"]):
        drain = float(environment(template)["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
        assert drain < template["spec"]["terminationGracePeriodSeconds"]
        assert "lifecycle" not in template["spec"]["containers"][0], "`ray stop` would abort requests in progress"


def test_the_dashboard_requires_a_token(manifests: list[Manifest]) -> None:
    assert one(manifests, "RayService")["spec"]["rayClusterConfig"]["authOptions"] == {"mode": "token"}


def test_ray_version_of_the_image(manifests: list[Manifest]) -> None:
    pins = (ROOT / "requirements" / "run.txt").read_text()
    version = one(manifests, "RayService")["spec"]["rayClusterConfig"]["rayVersion"]
    assert f"\nray=={version} " in pins


def test_the_head_keeps_its_state_in_redis(rendered) -> None:
    options = one(rendered("eks-alb"), "RayService")["spec"]["rayClusterConfig"]["gcsFaultToleranceOptions"]
    assert options["redisAddress"] == "rediss://redis.example.org:6379"
    password = {"name": "raylens", "key": "RAYLENS_GCS_REDIS_PASSWORD"}
    assert options["redisPassword"] == {"valueFrom": {"secretKeyRef": password}}


def test_shared_memory_holds_the_object_store(manifests: list[Manifest]) -> None:
    cluster = one(manifests, "RayService")["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        store = int(group["rayStartParams"]["object-store-memory"])
        (memory,) = (v["emptyDir"] for v in group["template"]["spec"]["volumes"] if v["name"] == "shared-mem")
        assert memory["medium"] == "Memory"
        assert OBJECT_STORE_BYTES <= store < int(memory["sizeLimit"].removesuffix("Mi")) << 20


def test_autoscaler(manifests: list[Manifest]) -> None:
    cluster = one(manifests, "RayService")["spec"]["rayClusterConfig"]
    options = cluster["autoscalerOptions"]
    assert cluster["enableInTreeAutoscaling"] is True
    assert options["version"] == "v2"
    assert options["securityContext"] == pods(manifests)["head"]["spec"]["containers"][0]["securityContext"]
    volumes = {volume["name"] for volume in pods(manifests)["head"]["spec"]["volumes"]}
    assert {mount["name"] for mount in options["volumeMounts"]} <= volumes


def test_a_new_chart_version_does_not_replace_the_cluster(rendered) -> None:
    """KubeRay replaces it when a pod template changes, so the template has no chart version."""
    for template in (pods(rendered("eks-alb"))["head"], pods(rendered("eks-alb"))["workers"]):
        assert set(template["metadata"]["labels"]) == {"raylens/instance", "raylens/component"}
        assert "helm.sh" not in str(template)
