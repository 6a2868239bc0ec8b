"""One look at a release: its RayService and its pods."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kuberay import paths
from kuberay.errors import NotFound
from kuberay.kubernetes_api import KubernetesApi, Manifest
from kuberay.pods import COMPONENT, INSTANCE, Trouble, troubles
from kuberay.ray_service import RayService


@dataclass(frozen=True, slots=True)
class Observation:
    """``running`` counts pods by component: those that run, and all. Workers without replicas run but are not ready."""

    service: RayService | None
    troubles: tuple[Trouble, ...]
    running: Mapping[str, tuple[int, int]]

    def summary(self) -> str:
        """Like ``head 1/1, worker 0/2``."""
        return ", ".join(f"{name} {running}/{count}" for name, (running, count) in sorted(self.running.items()))


class Observer:
    """Looks at one release. Every method raises Unreachable or NotAllowed."""

    def __init__(self, api: KubernetesApi, release: str) -> None:
        """The namespace is that of ``api``."""
        self.api = api
        self.release = release

    def look(self) -> Observation:
        manifest = self.manifest()
        pods = self.pods(manifest["metadata"]["name"] if manifest else self.release)
        return Observation(RayService.of(manifest) if manifest else None, tuple(troubles(pods)), _running(pods))

    def manifest(self) -> Manifest | None:
        """The RayService as it is; its name need not be that of the release. Raises MissingKind without KubeRay."""
        wanted = f"app.kubernetes.io/name=raylens,app.kubernetes.io/instance={self.release}"
        found = self.api.items(paths.ray("rayservices", self.api.namespace), labelSelector=wanted)
        return found[0] if found else None

    def service(self) -> RayService:
        """Raises NotFound where the release has none."""
        manifest = self.manifest()
        if manifest is None:
            raise NotFound(
                f"There is no release {self.release} in namespace {self.api.namespace}.",
                "`helm list --all-namespaces` lists releases; name one with --release and --namespace.",
            )
        return RayService.of(manifest)

    def pods(self, name: str) -> list[Manifest]:
        """Those of the RayService ``name``, of its migration, and of a trial's servers."""
        return self.api.items(paths.core("pods", self.api.namespace), labelSelector=f"{INSTANCE}={name}")

    def clusters(self, name: str) -> list[Manifest]:
        """RayClusters that KubeRay made for the RayService ``name``."""
        return self.api.items(
            paths.ray("rayclusters", self.api.namespace),
            labelSelector=f"ray.io/originated-from-crd=RayService,ray.io/originated-from-cr-name={name}",
        )


def is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(told.get("type") == "Ready" and told.get("status") == "True" for told in conditions)


def _running(pods: Iterable[Manifest]) -> dict[str, tuple[int, int]]:
    running: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for pod in pods:
        component = str((pod["metadata"].get("labels") or {}).get(COMPONENT, "other"))
        count[component] += 1
        running[component] += (pod.get("status") or {}).get("phase") == "Running"
    return {component: (running[component], number) for component, number in count.items()}
