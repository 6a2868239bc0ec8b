"""What keeps a pod from running."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from kuberay.kubernetes_api import Manifest

COMPONENT: Final = "raylens/component"
INSTANCE: Final = "raylens/instance"
CLUSTER: Final = "ray.io/cluster"
OPERATOR: Final = "app.kubernetes.io/name=kuberay-operator"
"""Label selector of KubeRay's operator."""


class Kind(Enum):
    """The value is the advice."""

    IMAGE = (
        "See that image.repository, .tag and .digest name an image that is there, and that the nodes may pull it "
        "(image.pullSecrets; on EKS the node role's rights on ECR)."
    )
    MEMORY = "Raise resources.limits.memory of the workers or the head, or serve fewer replicas on a worker."
    CRASH = "See `kubectl logs {pod}`, after a restart with --previous."
    CONFIGURATION = "See that the Secret of existingSecret has the keys it should: `raylens doctor` names them."
    NO_ROOM = (
        "No node has room: see whether more nodes can come (Karpenter, the autoscaler, quotas of the cloud), and that "
        "nodeSelector and tolerations fit some."
    )
    LOST = "Its node took it away; KubeRay makes another."


_REASONS: Final = {
    "ErrImagePull": Kind.IMAGE,
    "ImagePullBackOff": Kind.IMAGE,
    "InvalidImageName": Kind.IMAGE,
    "ErrImageNeverPull": Kind.IMAGE,
    "RegistryUnavailable": Kind.IMAGE,
    "CrashLoopBackOff": Kind.CRASH,
    "CreateContainerConfigError": Kind.CONFIGURATION,
    "CreateContainerError": Kind.CONFIGURATION,
    "RunContainerError": Kind.CONFIGURATION,
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """``cluster`` is the RayCluster of the pod; empty for the migration's and a trial's servers."""

    pod: str
    component: str
    cluster: str
    kind: Kind
    message: str

    @property
    def advice(self) -> str:
        return self.kind.value.format(pod=self.pod)

    def __str__(self) -> str:
        return f"{self.pod}: {self.message}"


def troubles(pods: Iterable[Manifest]) -> list[Trouble]:
    """At most one a pod."""
    found = []
    for pod in pods:
        first = next(_of(pod), None)
        if first:
            labels = pod["metadata"].get("labels") or {}
            kind, message = first
            component, cluster = str(labels.get(COMPONENT, "")), str(labels.get(CLUSTER, ""))
            found.append(Trouble(str(pod["metadata"]["name"]), component, cluster, kind, message))
    return found


def _of(pod: Manifest) -> Iterator[tuple[Kind, str]]:
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        yield from _of_container(container)
    if status.get("phase") == "Failed" and status.get("reason"):
        yield Kind.LOST, _told(status)
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield Kind.NO_ROOM, _told(condition)


def _of_container(container: dict[str, Any]) -> Iterator[tuple[Kind, str]]:
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    if ended.get("reason") == "OOMKilled":
        yield Kind.MEMORY, f"OOMKilled: {container.get('name')} went over its memory limit"
    kind = _REASONS.get(str(waiting.get("reason")))
    if kind is Kind.CRASH:
        code = ended.get("exitCode")
        yield (
            kind,
            f"CrashLoopBackOff: {container.get('name')} ended {container.get('restartCount', 0)} times"
            + (f", last with {code}" if code is not None else ""),
        )
    elif kind:
        yield kind, _told(waiting)
    failed = state.get("terminated") or {}
    if failed and failed.get("exitCode"):
        yield Kind.CRASH, f"{failed.get('reason', 'Error')}: {container.get('name')} ended with {failed['exitCode']}"


def _told(state: dict[str, Any]) -> str:
    return ": ".join(str(state[key]) for key in ("reason", "message") if state.get(key))
