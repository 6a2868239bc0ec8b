"""Sets the bounds of the workers.

KubeRay does not copy changed bounds of a RayService to its running RayCluster. So Helm writes them into the
release, where the next deploy keeps them, and a patch into the live RayCluster.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from kuberay.errors import ClusterResourceNotFound, DeployError, InvalidResource, InvalidUsage, ResourceConflict
from kuberay.helm import ChartValues
from kuberay.kubernetes_api import KubernetesApi, Manifest
from kuberay.ray_service import WORKER_GROUP, RayService
from kuberay.readiness import ReleaseReadiness, suspended_failure
from kuberay.release import DeployResult, Release
from kuberay.release_reader import ReleaseSnapshot
from kuberay.resource_paths import ray_path
from kuberay.waiting import wait_until_ready

PATCH_ATTEMPTS: Final = 8
PATCH_RETRY_S: Final = 0.2
"""The autoscaler writes the same object."""


@dataclass(frozen=True, slots=True)
class WorkerBounds:
    fewest: int
    most: int

    def __str__(self) -> str:
        return f"{self.fewest} to {self.most}"


def worker_bounds(groups: Iterable[Manifest]) -> WorkerBounds | None:
    """Of the chart's worker group; None where it is not among ``groups``."""
    found = next((group for group in groups if group.get("groupName") == WORKER_GROUP), None)
    return WorkerBounds(int(found.get("minReplicas") or 0), int(found.get("maxReplicas") or 0)) if found else None


def scale_workers(
    release: Release, fewest: int | None, most: int | None, *, timeout_s: float, waits: bool = True
) -> DeployResult:
    """Raises InvalidUsage where the chart rejects the bounds, ResourceConflict where patches keep failing."""
    given = {"workers.minReplicas": fewest, "workers.maxReplicas": most}
    single = tuple(f"{name}={value}" for name, value in given.items() if value is not None)
    if not single:
        raise InvalidUsage("No bounds are given.", "Give --min, --max or both.")
    _refuse_other_chart(release)
    deadline = release.clock.now() + timeout_s
    release.progress.show("Helm sets the bounds in the release")
    # Without hooks: the database schema does not change.
    release.helm.upgrade(ChartValues(single=single), "--reset-then-reuse-values", "--no-hooks", timeout_s=timeout_s)
    manifest = release.reader.required_manifest()
    bounds = worker_bounds(manifest["spec"]["rayClusterConfig"].get("workerGroupSpecs") or [])
    if bounds is None:
        raise ClusterResourceNotFound(f"The RayService has no worker group named {WORKER_GROUP}.")
    service = RayService.from_manifest(manifest)
    if service.suspend:
        raise suspended_failure(service.name).error()
    for cluster in service.clusters:
        patch_bounds(release, cluster.name, bounds)
    if waits:
        wait_until_ready(
            release.reader.snapshot,
            lambda snapshot: _assess(release, snapshot, bounds),
            release.progress,
            release.clock,
            max(1.0, deadline - release.clock.now()),
        )
    return release.result(waited=waits)


def _refuse_other_chart(release: Release) -> None:
    """Helm would change more than the bounds."""
    history = release.helm.history()
    if not history:
        release.reader.required_manifest()  # raises the error for a missing release
    elif history[-1].chart != release.helm.chart_version():
        raise InvalidUsage(
            f"The release uses chart {history[-1].chart}, this is {release.helm.chart_version()}.",
            "Deploy first, or name the release's chart with --chart.",
        )


def patch_bounds(release: Release, cluster: str, bounds: WorkerBounds) -> None:
    """Read and patch again while other clients write: the group's index may have changed."""
    path = ray_path("rayclusters", release.reader.api.namespace, cluster)
    for attempt in range(1, PATCH_ATTEMPTS + 1):
        release.progress.show(f"RayCluster {cluster}: {bounds} workers")
        try:
            _patch_once(release.reader.api, path, bounds)
        except (ResourceConflict, InvalidResource) as error:
            if attempt == PATCH_ATTEMPTS:
                raise _patch_failed(cluster, bounds, error) from None
            release.clock.sleep(PATCH_RETRY_S * attempt)
        except ClusterResourceNotFound:
            return  # it was the cluster before an upgrade and has been deleted
        else:
            return


def _patch_once(api: KubernetesApi, path: str, bounds: WorkerBounds) -> None:
    groups = api.get(path)["spec"].get("workerGroupSpecs") or []
    index = next((index for index, group in enumerate(groups) if group.get("groupName") == WORKER_GROUP), None)
    if index is None or worker_bounds(groups) == bounds:
        return
    group = f"/spec/workerGroupSpecs/{index}"
    operations: list[Manifest] = [
        {"op": "test", "path": f"{group}/groupName", "value": WORKER_GROUP},
        {"op": "add", "path": f"{group}/minReplicas", "value": bounds.fewest},
        {"op": "add", "path": f"{group}/maxReplicas", "value": bounds.most},
    ]
    api.json_patch(path, operations)


def _patch_failed(cluster: str, bounds: WorkerBounds, error: DeployError) -> ResourceConflict:
    return ResourceConflict(
        f"RayCluster {cluster} could not be changed in {PATCH_ATTEMPTS} attempts: {error.message}",
        f"The release has {bounds} workers now, the running cluster not yet: run the command again.",
    )


def _assess(release: Release, snapshot: ReleaseSnapshot, bounds: WorkerBounds) -> ReleaseReadiness:
    readiness = release.assess(snapshot)
    cluster = snapshot.service.newest if snapshot.service else None
    if cluster and cluster.workers_available < bounds.fewest:
        missing = f"workers ({cluster.workers_available} of {bounds.fewest})"
        return replace(readiness, waits_for=(*readiness.waits_for, missing))
    return readiness
