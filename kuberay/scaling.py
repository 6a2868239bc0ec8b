"""How many workers there may be.

KubeRay leaves the bounds of a RayCluster that runs as they are when the RayService's change. So both are written: the
release's values by Helm, which keeps the next deploy from undoing it, and the live RayCluster by a patch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from kuberay import paths
from kuberay.errors import Conflict, DeployError, Invalid, NotFound, WrongUse
from kuberay.helm import Values
from kuberay.kubernetes_api import KubernetesApi, Manifest
from kuberay.observation import Observation
from kuberay.ray_service import GROUP, RayService
from kuberay.readiness import Verdict, suspended
from kuberay.release import Outcome, Release
from kuberay.waiting import wait

TRIES: Final = 8
PAUSE_S: Final = 0.2
"""The autoscaler writes the same object."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Workers, the fewest and the most."""

    fewest: int
    most: int

    def __str__(self) -> str:
        return f"{self.fewest} to {self.most}"


def bounds_of(groups: Iterable[Manifest]) -> Bounds | None:
    """Of the chart's group; None where it is not among them."""
    found = next((group for group in groups if group.get("groupName") == GROUP), None)
    return Bounds(int(found.get("minReplicas") or 0), int(found.get("maxReplicas") or 0)) if found else None


def scale(release: Release, fewest: int | None, most: int | None, *, timeout_s: float, waits: bool = True) -> Outcome:
    """Raises WrongUse where the chart refuses the bounds, Conflict where others write the RayCluster all the time."""
    _refuse_another_chart(release)
    give_up_at = release.clock.now() + timeout_s
    single = [f"workers.minReplicas={fewest}"] if fewest is not None else []
    single += [f"workers.maxReplicas={most}"] if most is not None else []
    if not single:
        raise WrongUse("Nothing is said of how many workers there may be.", "Give --min, --max or both.")
    release.progress.show("Helm writes the bounds into the release")
    # No hooks: the database is as it was.
    release.helm.upgrade(Values(single=tuple(single)), "--reset-then-reuse-values", "--no-hooks", timeout_s=timeout_s)
    manifest = release.observer.manifest() or {}
    bounds = bounds_of(manifest.get("spec", {}).get("rayClusterConfig", {}).get("workerGroupSpecs") or [])
    if bounds is None:
        raise NotFound(f"The RayService has no group of workers named {GROUP}.")
    service = RayService.of(manifest)
    if service.suspend:
        raise suspended(service.name).error()
    for cluster in (service.active, service.pending):
        if cluster:
            _patch(release, cluster.name, bounds)
    if waits:
        wait(
            release.observer.look,
            lambda seen: _judged(release, seen, bounds),
            release.progress,
            release.clock,
            max(1.0, give_up_at - release.clock.now()),
        )
    return release.outcome(waited=waits)


def _refuse_another_chart(release: Release) -> None:
    """With another chart Helm would change more than the bounds."""
    history = release.helm.history()
    if not history:
        release.observer.service()  # says that there is none
    elif history[-1].chart != release.helm.chart_version():
        raise WrongUse(
            f"The release is of chart {history[-1].chart}, here is {release.helm.chart_version()}.",
            "Deploy first, or name the chart of the release with --chart.",
        )


def _patch(release: Release, cluster: str, bounds: Bounds) -> None:
    """Look again and try again while others write: a number of the list may be another one's then."""
    path = paths.ray("rayclusters", release.observer.api.namespace, cluster)
    for attempt in range(1, TRIES + 1):
        release.progress.show(f"RayCluster {cluster}: {bounds} workers")
        try:
            _patch_once(release.observer.api, path, bounds)
        except (Conflict, Invalid) as error:
            if attempt == TRIES:
                raise _undone(cluster, bounds, error) from None
            release.clock.sleep(PAUSE_S * attempt)
        except NotFound:
            return  # gone since: it was the cluster before an upgrade
        else:
            return


def _patch_once(api: KubernetesApi, path: str, bounds: Bounds) -> None:
    groups = api.get(path)["spec"].get("workerGroupSpecs") or []
    number = next((number for number, group in enumerate(groups) if group.get("groupName") == GROUP), None)
    if number is None or bounds_of(groups) == bounds:
        return
    group = f"/spec/workerGroupSpecs/{number}"
    operations: list[Manifest] = [
        {"op": "test", "path": f"{group}/groupName", "value": GROUP},
        {"op": "add", "path": f"{group}/minReplicas", "value": bounds.fewest},
        {"op": "add", "path": f"{group}/maxReplicas", "value": bounds.most},
    ]
    api.json_patch(path, operations)


def _undone(cluster: str, bounds: Bounds, error: DeployError) -> Conflict:
    return Conflict(
        f"RayCluster {cluster} could not be changed in {TRIES} tries: {error.message}",
        f"The release has {bounds} workers now, the running cluster not yet: run the command again.",
    )


def _judged(release: Release, seen: Observation, bounds: Bounds) -> Verdict:
    verdict = release.judged(seen)
    cluster = seen.service.newest if seen.service else None
    if cluster and cluster.workers_available < bounds.fewest:
        late = f"workers ({cluster.workers_available} of {bounds.fewest})"
        return replace(verdict, waits_for=(*verdict.waits_for, late))
    return verdict
