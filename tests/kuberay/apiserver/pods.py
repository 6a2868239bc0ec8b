"""Scheduler and kubelet: a pod is scheduled, then runs, unless a test makes it fail."""

import itertools
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.kuberay.apiserver.store import Manifest, Store, copied, owner_reference, set_condition

NODES: Final = ("node-a", "node-b", "node-c")
UNSCHEDULABLE: Final = "Unschedulable"
IMAGE_PULL: Final = "ImagePullBackOff"
MESSAGES: Final = {
    UNSCHEDULABLE: "0/3 nodes are available: 3 Insufficient cpu.",
    IMAGE_PULL: "Back-off pulling image",
}


@dataclass(frozen=True)
class PodFailure:
    pattern: re.Pattern[str]
    reason: str


class Pods:
    def __init__(self, store: Store) -> None:
        self.passes_probe: Callable[[Manifest], bool] = lambda _pod: True
        """The readiness probe of a running pod."""
        self._store = store
        self._failures: list[PodFailure] = []
        self._nodes = itertools.cycle(NODES)

    def fail(self, name_regex: str, reason: str) -> None:
        """``reason``: Unschedulable or ImagePullBackOff, for pods that do not run yet."""
        assert reason in MESSAGES
        self._failures.append(PodFailure(re.compile(name_regex), reason))

    def heal(self) -> None:
        self._failures.clear()

    def step(self, includes: Callable[[Manifest], bool]) -> None:
        """Move pods on by one stage."""
        for pod in self._store.list("Pod", includes=includes):
            if pod.setdefault("status", {}).get("phase") not in {"Succeeded", "Failed"}:
                self._step(pod)
                self._store.put(pod)

    def _step(self, pod: Manifest) -> None:
        name, status = pod["metadata"]["name"], pod["status"]
        reason = next((one.reason for one in self._failures if one.pattern.search(name)), "")
        if status.get("phase") == "Running":
            _run(pod, ready=self.passes_probe(pod))
        elif reason == UNSCHEDULABLE:
            status["phase"] = "Pending"
            set_condition(status, "PodScheduled", False, reason, MESSAGES[reason])
        elif not pod["spec"].get("nodeName"):
            pod["spec"]["nodeName"] = next(self._nodes)
            status["phase"] = "Pending"
            set_condition(status, "PodScheduled", True, "Scheduled")
        elif reason:
            set_container_states(pod, {"waiting": {"reason": reason, "message": MESSAGES[reason]}})
        else:
            _run(pod, ready=self.passes_probe(pod))


def _run(pod: Manifest, *, ready: bool) -> None:
    pod["status"]["phase"] = "Running"
    set_container_states(pod, {"running": {}}, ready=ready)
    set_condition(pod["status"], "Ready", ready, "" if ready else "ContainersNotReady")


def set_container_states(pod: Manifest, state: Manifest, *, ready: bool = False) -> None:
    pod["status"]["containerStatuses"] = [
        {"name": container["name"], "state": state, "ready": ready, "restartCount": 0}
        for container in pod["spec"]["containers"]
    ]


def is_ready(pod: Manifest) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def new_pod(owner: Manifest, template: Manifest, name: str, labels: dict[str, str]) -> Manifest:
    """With a random suffix."""
    metadata = copied(template.get("metadata") or {})
    metadata |= {"name": f"{name}-{secrets.token_hex(3)}", "namespace": owner["metadata"]["namespace"]}
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    metadata["ownerReferences"] = owner_reference(owner)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copied(template["spec"])}
    return {**pod, "status": {"phase": "Pending"}}
