"""Stopping a release without taking it away.

``spec.suspend`` of the RayService, which KubeRay has since 1.7: it deletes the clusters and Services, and makes them
anew when it is false again. A suspended RayCluster would not do: the RayService's controller goes on asking it, and an
upgrade builds another beside it. The chart does not render the field, so no deploy undoes it.
"""

from kuberay import paths
from kuberay.errors import DeployError
from kuberay.observation import Observation
from kuberay.ray_service import RayService
from kuberay.readiness import is_suspended
from kuberay.release import Release
from kuberay.waiting import wait


def suspend(release: Release, *, timeout_s: float, waits: bool = True) -> Observation | None:
    """Nothing of it runs afterwards; what is under way is not answered."""
    _write(release, True)
    if not waits:
        return None
    return wait(
        release.observer.look, lambda seen: is_suspended(seen.service), release.progress, release.clock, timeout_s
    )


def resume(release: Release, *, timeout_s: float, waits: bool = True) -> Observation | None:
    """A cluster is built, of what was deployed last."""
    _write(release, False)
    return release.wait(timeout_s) if waits else None


def _write(release: Release, suspended: bool) -> None:
    """Raises NotFound without a release, DeployError on a KubeRay that does not know the field and drops it."""
    service = release.observer.service()
    path = paths.ray("rayservices", release.observer.api.namespace, service.name)
    # A merge patch of one field asks for no version of the object, so nobody else's change can stand against it.
    changed = RayService.of(release.observer.api.merge_patch(path, {"spec": {"suspend": suspended}}))
    if changed.suspend is not suspended:
        raise DeployError(
            "This KubeRay cannot suspend a RayService.", "Upgrade the operator and its definitions to 1.7 or later."
        )
