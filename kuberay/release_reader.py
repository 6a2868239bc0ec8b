"""Reads a release from the cluster: its RayService, clusters and pods."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kuberay.errors import ClusterResourceNotFound
from kuberay.kubernetes_api import KubernetesApi, Manifest
from kuberay.pod_problems import COMPONENT_LABEL, INSTANCE_LABEL, PodProblem, pod_problems
from kuberay.ray_service import RayService
from kuberay.resource_paths import core_path, ray_path


@dataclass(frozen=True, slots=True)
class ReleaseSnapshot:
    """``running`` counts pods by component: those that run, and all. Workers without replicas run but are not ready."""

    service: RayService | None
    problems: tuple[PodProblem, ...]
    running: Mapping[str, tuple[int, int]]

    def pod_summary(self) -> str:
        """For example ``head 1/1, worker 0/2``."""
        return ", ".join(f"{name} {running}/{count}" for name, (running, count) in sorted(self.running.items()))


class ReleaseReader:
    """Methods raise ClusterUnreachable and ClusterAccessDenied. The namespace is that of ``api``."""

    def __init__(self, api: KubernetesApi, release: str) -> None:
        self.api = api
        self.release = release

    def snapshot(self) -> ReleaseSnapshot:
        manifest = self.manifest()
        pods = self.pods(manifest)
        service = RayService.from_manifest(manifest) if manifest else None
        return ReleaseSnapshot(service, tuple(pod_problems(pods)), _running(pods))

    def manifest(self) -> Manifest | None:
        """The RayService; its name may differ from the release's. Raises KindNotInstalled without KubeRay."""
        found = self._labelled(ray_path("rayservices", self.api.namespace))
        return found[0] if found else None

    def required_manifest(self) -> Manifest:
        """Raises ClusterResourceNotFound where the release has no RayService."""
        manifest = self.manifest()
        if manifest is None:
            raise no_such_release(self.release, self.api.namespace)
        return manifest

    def name(self, manifest: Manifest | None) -> str:
        """The RayService's, or that of the release where there is none."""
        return str(manifest["metadata"]["name"]) if manifest else self.release

    def pods(self, manifest: Manifest | None) -> list[Manifest]:
        """Of the RayService, of its migration, and of a trial's servers."""
        path = core_path("pods", self.api.namespace)
        return self.api.items(path, labelSelector=f"{INSTANCE_LABEL}={self.name(manifest)}")

    def clusters(self, name: str) -> list[Manifest]:
        """RayClusters that KubeRay made for the RayService ``name``."""
        return self.api.items(
            ray_path("rayclusters", self.api.namespace),
            labelSelector=f"ray.io/originated-from-crd=RayService,ray.io/originated-from-cr-name={name}",
        )

    def claims(self) -> list[str]:
        """Names of its PersistentVolumeClaims."""
        claims = self._labelled(core_path("persistentvolumeclaims", self.api.namespace))
        return [str(claim["metadata"]["name"]) for claim in claims]

    def _labelled(self, path: str) -> list[Manifest]:
        labels = f"app.kubernetes.io/name=raylens,app.kubernetes.io/instance={self.release}"
        return self.api.items(path, labelSelector=labels)


def no_such_release(release: str, namespace: str) -> ClusterResourceNotFound:
    return ClusterResourceNotFound(
        f"There is no release {release} in namespace {namespace}.",
        "`helm list --all-namespaces` lists releases; name one with --release and --namespace.",
    )


def _running(pods: Iterable[Manifest]) -> dict[str, tuple[int, int]]:
    running: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for pod in pods:
        component = str((pod["metadata"].get("labels") or {}).get(COMPONENT_LABEL, "other"))
        count[component] += 1
        running[component] += (pod.get("status") or {}).get("phase") == "Running"
    return {component: (running[component], number) for component, number in count.items()}
