"""Uninstalls a release and waits until KubeRay has deleted its clusters."""

from dataclasses import dataclass
from typing import Final

from kuberay.errors import ClusterResourceNotFound, WaitTimeout
from kuberay.kubectl_commands import OPERATOR_LOG
from kuberay.kubernetes_api import Manifest
from kuberay.release import Release
from kuberay.release_reader import ReleaseReader
from kuberay.waiting import POLL_INTERVAL_S

_REDIS_FINALIZER: Final = "ray.io/gcs-ft-redis-cleanup-finalizer"
_REDIS_ADVICE: Final = (
    "KubeRay first removes the cluster's state from Redis with a Job, see `kubectl get jobs`; if that Redis no longer "
    "exists, remove the finalizer with `kubectl edit raycluster`. "
)


@dataclass(frozen=True, slots=True)
class UninstallResult:
    """``kept`` are the names of PersistentVolumeClaims that outlive the release."""

    release: str
    namespace: str
    kept: tuple[str, ...]


def uninstall_release(release: Release, *, timeout_s: float, waits: bool = True) -> UninstallResult:
    """Raises ClusterResourceNotFound where there is nothing, WaitTimeout with what blocks the deletion."""
    reader = release.reader
    name = reader.name(reader.manifest())
    deadline = release.clock.now() + timeout_s
    release.progress.show("Helm uninstalls the release")
    try:
        release.helm.uninstall(timeout_s=timeout_s)
    except ClusterResourceNotFound:
        # An earlier call may have uninstalled it without waiting for the clusters.
        if not _remaining(reader, name):
            raise
    while waits and (remaining := _remaining(reader, name)):
        release.progress.show(f"Waiting for the deletion of {', '.join(map(_label, remaining))}")
        if release.clock.now() >= deadline:
            raise _timeout(remaining, timeout_s)
        release.clock.sleep(POLL_INTERVAL_S)
    return UninstallResult(reader.release, reader.api.namespace, tuple(reader.claims()))


def _remaining(reader: ReleaseReader, name: str) -> list[Manifest]:
    service = reader.manifest()
    services = [{"kind": "RayService", **service}] if service else []
    return [*services, *({"kind": "RayCluster", **cluster} for cluster in reader.clusters(name))]


def _label(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def _timeout(remaining: list[Manifest], timeout_s: float) -> WaitTimeout:
    finalizers = {name for manifest in remaining for name in manifest["metadata"].get("finalizers") or []}
    blocked = f" (blocked by {', '.join(sorted(finalizers))})" if finalizers else ""
    return WaitTimeout(
        f"Not deleted after {timeout_s:.0f} s: {', '.join(map(_label, remaining))}{blocked}.",
        f"{_REDIS_ADVICE if _REDIS_FINALIZER in finalizers else ''}Check with `{OPERATOR_LOG}` whether KubeRay's "
        "operator runs.",
    )
