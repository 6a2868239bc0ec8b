"""Taking a release away, and what stays."""

from dataclasses import dataclass
from typing import Final

from kuberay import paths
from kuberay.errors import NotFound, TimedOut
from kuberay.kubectl_commands import OPERATOR_LOG
from kuberay.kubernetes_api import Manifest
from kuberay.observation import Observer
from kuberay.release import Release

PAUSE_S: Final = 2.0

_FINALIZERS: Final = {
    "ray.io/gcs-ft-redis-cleanup-finalizer": (
        "KubeRay first removes the cluster's state from Redis, by a Job: see `kubectl get jobs` and "
        f"`{OPERATOR_LOG}`; if that Redis is gone for good, remove the finalizer with "
        "`kubectl edit raycluster {name}`"
    ),
}
_OPERATOR: Final = f"see with `{OPERATOR_LOG}` whether KubeRay's operator runs; it alone may finish this"


@dataclass(frozen=True, slots=True)
class Removal:
    """``kept`` are claims that outlive the release, by name."""

    release: str
    namespace: str
    kept: tuple[str, ...]


def delete(release: Release, *, timeout_s: float, waits: bool = True) -> Removal:
    """Raises NotFound where there is nothing, TimedOut with what keeps it."""
    observer = release.observer
    manifest = observer.manifest()
    name = str(manifest["metadata"]["name"]) if manifest else observer.release
    give_up_at = release.clock.now() + timeout_s
    release.progress.show("Helm takes the release away")
    try:
        release.helm.uninstall(timeout_s=timeout_s)
    except NotFound:
        # Uninstalled before, and perhaps not gone yet.
        if not _left(observer, name):
            raise
    while waits and (left := _left(observer, name)):
        release.progress.show(f"Waiting for {', '.join(map(_name, left))} to go")
        if release.clock.now() >= give_up_at:
            raise TimedOut(f"Not gone after {timeout_s:.0f} s: {'; '.join(map(_kept_by, left))}.", _advice(left))
        release.clock.sleep(PAUSE_S)
    return Removal(observer.release, observer.api.namespace, tuple(_claims(observer)))


def _left(observer: Observer, name: str) -> list[Manifest]:
    service = observer.manifest()
    return [*([{"kind": "RayService", **service}] if service else []), *_clusters(observer, name)]


def _clusters(observer: Observer, name: str) -> list[Manifest]:
    return [{"kind": "RayCluster", **cluster} for cluster in observer.clusters(name)]


def _claims(observer: Observer) -> list[str]:
    wanted = f"app.kubernetes.io/name=raylens,app.kubernetes.io/instance={observer.release}"
    claims = observer.api.items(paths.core("persistentvolumeclaims", observer.api.namespace), labelSelector=wanted)
    return [str(claim["metadata"]["name"]) for claim in claims]


def _name(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def _kept_by(manifest: Manifest) -> str:
    finalizers = manifest["metadata"].get("finalizers") or []
    return f"{_name(manifest)} (kept by {', '.join(finalizers)})" if finalizers else _name(manifest)


def _advice(left: list[Manifest]) -> str:
    told = {
        _FINALIZERS.get(finalizer, _OPERATOR).format(name=manifest["metadata"]["name"])
        for manifest in left
        for finalizer in manifest["metadata"].get("finalizers") or [""]
    }
    text = "; ".join(sorted(told))
    return f"{text[0].upper()}{text[1:]}."
