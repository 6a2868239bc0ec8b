"""Reasons why a pod does not run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from kuberay.kubernetes_api import Manifest

COMPONENT_LABEL: Final = "raylens/component"
INSTANCE_LABEL: Final = "raylens/instance"
CLUSTER_LABEL: Final = "ray.io/cluster"


class PodProblemKind(Enum):
    """The value is the advice."""

    IMAGE = (
        "Check that image.repository, .tag and .digest name an existing image, and that the nodes may pull it "
        "(image.pullSecrets; on EKS the node role's permissions for ECR)."
    )
    MEMORY = "Raise resources.limits.memory of the workers or the head, or lower the replicas per worker."
    CRASH = "See `kubectl logs {pod}`, after a restart with --previous."
    CONFIGURATION = "Check the keys of the Secret in existingSecret; `raylens doctor` lists missing ones."
    NO_ROOM = (
        "No node has room: check whether more nodes can be added (Karpenter, the autoscaler, cloud quotas), and that "
        "nodeSelector and tolerations match some."
    )
    LOST = "Its node removed it; KubeRay creates another."


_WAITING_REASONS: Final = {
    "ErrImagePull": PodProblemKind.IMAGE,
    "ImagePullBackOff": PodProblemKind.IMAGE,
    "InvalidImageName": PodProblemKind.IMAGE,
    "ErrImageNeverPull": PodProblemKind.IMAGE,
    "RegistryUnavailable": PodProblemKind.IMAGE,
    "CrashLoopBackOff": PodProblemKind.CRASH,
    "CreateContainerConfigError": PodProblemKind.CONFIGURATION,
    "CreateContainerError": PodProblemKind.CONFIGURATION,
    "RunContainerError": PodProblemKind.CONFIGURATION,
}


@dataclass(frozen=True, slots=True)
class PodProblem:
    """``cluster`` is the RayCluster of the pod; empty for the migration and a trial's servers."""

    pod: str
    component: str
    cluster: str
    kind: PodProblemKind
    message: str

    @property
    def advice(self) -> str:
        return self.kind.value.format(pod=self.pod)

    def __str__(self) -> str:
        return f"{self.pod}: {self.message}"


def pod_problems(pods: Iterable[Manifest]) -> list[PodProblem]:
    """At most one for each pod."""
    problems = []
    for pod in pods:
        first = next(_problems(pod), None)
        if first:
            labels = pod["metadata"].get("labels") or {}
            component, cluster = str(labels.get(COMPONENT_LABEL, "")), str(labels.get(CLUSTER_LABEL, ""))
            problems.append(PodProblem(str(pod["metadata"]["name"]), component, cluster, *first))
    return problems


def _problems(pod: Manifest) -> Iterator[tuple[PodProblemKind, str]]:
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        yield from _container_problems(container)
    if status.get("phase") == "Failed" and status.get("reason"):
        yield PodProblemKind.LOST, _reason_and_message(status)
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield PodProblemKind.NO_ROOM, _reason_and_message(condition)


def _container_problems(container: dict[str, Any]) -> Iterator[tuple[PodProblemKind, str]]:
    name, state = container.get("name"), container.get("state") or {}
    waiting, terminated = state.get("waiting") or {}, state.get("terminated") or {}
    last = terminated or (container.get("lastState") or {}).get("terminated") or {}
    if last.get("reason") == "OOMKilled":
        yield PodProblemKind.MEMORY, f"OOMKilled: {name} exceeded its memory limit"
    kind = _WAITING_REASONS.get(str(waiting.get("reason")))
    if kind is PodProblemKind.CRASH:
        exit_code = f", last with exit code {last['exitCode']}" if "exitCode" in last else ""
        yield kind, f"CrashLoopBackOff: {name} exited {container.get('restartCount', 0)} times{exit_code}"
    elif kind:
        yield kind, _reason_and_message(waiting)
    if terminated.get("exitCode"):
        reason = terminated.get("reason", "Error")
        yield PodProblemKind.CRASH, f"{reason}: {name} ended with exit code {terminated['exitCode']}"


def _reason_and_message(state: dict[str, Any]) -> str:
    return ": ".join(str(state[key]) for key in ("reason", "message") if state.get(key))
