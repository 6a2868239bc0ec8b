"""What KubeRay refuses of a RayService, in its words: the rules of ``ValidateRayServiceMetadata`` and
``ValidateRayServiceSpec`` (ray-operator/controllers/ray/utils/validation.go) that a chart can break.
"""

import re
from collections.abc import Iterator
from typing import Final

from tests.kuberay.apiserver.store import Manifest

LONGEST_NAME: Final = 47
OLDEST_WITH_TOKEN: Final = (2, 52, 0)
UPGRADES: Final = ("NewClusterWithIncrementalUpgrade", "NewCluster", "None")
RESOURCES: Final = ("num-cpus", "num-gpus", "memory", "resources")


def fault(service: Manifest) -> tuple[str, str] | None:
    """The event's reason and the message, of what is wrong first."""
    for reason, faults in (("InvalidRayServiceMetadata", _of_metadata), ("InvalidRayServiceSpec", _of_spec)):
        if message := next(faults(service), None):
            return reason, message
    return None


def _of_metadata(service: Manifest) -> Iterator[str]:
    name = service["metadata"]["name"]
    if len(name) > LONGEST_NAME:
        yield f"RayService name should be no more than {LONGEST_NAME} characters"
    if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name):
        yield f"RayService name should be a valid DNS1035 label: {name}"


def _of_spec(service: Manifest) -> Iterator[str]:
    spec = service["spec"]
    yield from _of_cluster(spec["rayClusterConfig"])
    head_service = spec["rayClusterConfig"]["headGroupSpec"].get("headService") or {}
    if (head_service.get("metadata") or {}).get("name"):
        yield "spec.rayClusterConfig.headGroupSpec.headService.metadata.name should not be set"
    upgrade = (spec.get("upgradeStrategy") or {}).get("type")
    if upgrade and upgrade not in UPGRADES:
        yield f"Spec.UpgradeStrategy.Type value {upgrade} is invalid, valid options are {', '.join(UPGRADES)}"
    if (delay := spec.get("rayClusterDeletionDelaySeconds") or 0) < 0:
        yield f"Spec.RayClusterDeletionDelaySeconds should be a non-negative integer, got {delay}"


def _of_cluster(cluster: Manifest) -> Iterator[str]:
    head, workers = cluster["headGroupSpec"], cluster.get("workerGroupSpecs") or []
    if not _containers(head):
        yield "headGroupSpec should have at least one container"
        return
    if not all(_containers(group) for group in workers):
        yield "workerGroupSpec should have at least one container"
    for name, group in (("Head", head), *((group.get("groupName", ""), group) for group in workers)):
        parameters = group.get("rayStartParams") or {}
        if group.get("resources") and any(parameters.get(key) for key in RESOURCES):
            yield (
                f"resource fields should not be set in both rayStartParams and Resources for {name} group; "
                "please use only one"
            )
        if "labels" in parameters:
            yield (
                f"rayStartParams['labels'] is not supported for {name} group; "
                "please use the top-level Labels field instead"
            )
    yield from _of_redis(cluster, {item["name"] for item in _containers(head)[0].get("env") or []})
    if cluster.get("enableInTreeAutoscaling") and (cluster.get("autoscalerOptions") or {}).get("version") == "v2":
        yield from _of_restarts(head, workers)
    if (cluster.get("authOptions") or {}).get("mode") == "token":
        yield from _of_token(cluster.get("rayVersion", ""))


def _containers(group: Manifest) -> list[Manifest]:
    found: list[Manifest] = group["template"].get("spec", {}).get("containers") or []
    return found


def _of_redis(cluster: Manifest, variables: set[str]) -> Iterator[str]:
    if "gcsFaultToleranceOptions" not in cluster:
        if "RAY_REDIS_ADDRESS" in variables:
            yield (
                "RAY_REDIS_ADDRESS is set which implicitly enables GCS fault tolerance, "
                "but GcsFaultToleranceOptions is not set. Please set GcsFaultToleranceOptions "
                "to enable GCS fault tolerance"
            )
        return
    for name, instead in (("REDIS_PASSWORD", "RedisPassword"), ("RAY_REDIS_ADDRESS", "RedisAddress")):
        if name in variables:
            yield (
                f"cannot set `{name}` env var in head Pod when GcsFaultToleranceOptions is enabled"
                f" - use GcsFaultToleranceOptions.{instead} instead"
            )


def _of_restarts(head: Manifest, workers: list[Manifest]) -> Iterator[str]:
    if head["template"]["spec"].get("restartPolicy", "Never") != "Never":
        yield "restartPolicy for head Pod should be Never or unset when using autoscaler V2"
    for group in workers:
        if group["template"]["spec"].get("restartPolicy", "Never") != "Never":
            name = group["groupName"]
            yield f"restartPolicy for worker group {name} should be Never or unset when using autoscaler V2"


def _of_token(version: str) -> Iterator[str]:
    if not version:
        yield "authOptions.mode is 'token' but RayVersion was not specified. Ray version 2.52.0 or later is required"
    elif tuple(int(part) for part in re.findall(r"\d+", version)[:3]) < OLDEST_WITH_TOKEN:
        yield f"authOptions.mode is 'token' but minimum Ray version is 2.52.0, got {version}"
