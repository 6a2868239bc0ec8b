"""Scheduler and kubelet: pods find a node, start and become ready, one stage a step, unless a test has it otherwise."""

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.kuberay.apiserver.conditions import set_condition
from tests.kuberay.apiserver.events import tell
from tests.kuberay.apiserver.selectors import matches
from tests.kuberay.apiserver.store import Manifest, Store, copied, now

NODES: Final = ("node-a", "node-b", "node-c")

UNSCHEDULABLE: Final = "Unschedulable"
IMAGE_PULL: Final = "ImagePullBackOff"
CRASH_LOOP: Final = "CrashLoopBackOff"
OUT_OF_MEMORY: Final = "OOMKilled"
NOT_READY: Final = "NotReady"

MESSAGES: Final = {
    UNSCHEDULABLE: "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: "
    "3 No preemption victims found for incoming pod.",
    IMAGE_PULL: 'Back-off pulling image "{image}"',
    CRASH_LOOP: "back-off 5m0s restarting failed container={container} pod={pod}",
    OUT_OF_MEMORY: "",
    NOT_READY: "",
}


@dataclass(frozen=True)
class Trouble:
    """What happens to pods whose name a pattern is found in."""

    pattern: re.Pattern[str]
    kind: str
    message: str


class Pods:
    """All pods of a server."""

    def __init__(self, store: Store) -> None:
        self.passes_probe: Callable[[Manifest], bool] = lambda _pod: True
        """The readiness probe of a pod that runs."""
        self._store = store
        self._troubles: list[Trouble] = []
        self._nodes = itertools.cycle(NODES)
        self._addresses = itertools.count(2)

    def fail(self, name_regex: str, kind: str, message: str = "") -> None:
        """From now on. ``kind``: Unschedulable or ImagePullBackOff, of pods that have not begun; CrashLoopBackOff,
        OOMKilled or NotReady.
        """
        if kind not in MESSAGES:
            raise ValueError(f"no trouble {kind}; there are {', '.join(MESSAGES)}")
        self._troubles.append(Trouble(re.compile(name_regex), kind, message))

    def heal(self) -> None:
        """Nothing is wrong with any pod any more: they come up again, step by step."""
        self._troubles.clear()

    @contextmanager
    def unready(self, name_regex: str) -> Iterator[None]:
        """For a while, pods run without being ready."""
        trouble = Trouble(re.compile(name_regex), NOT_READY, "")
        self._troubles.append(trouble)
        yield
        self._troubles.remove(trouble)

    def step(self, wanted: Callable[[Manifest], bool]) -> None:
        """Move every pod that is wanted on by one stage."""
        for pod in self._store.list("Pod", wanted=lambda pod: _goes_on(pod) and wanted(pod)):
            self._step(pod)

    def _step(self, pod: Manifest) -> None:
        name = pod["metadata"]["name"]
        trouble = next((one for one in self._troubles if one.pattern.search(name)), None)
        status = pod.setdefault("status", {})
        begun = status.get("phase") == "Running"
        if trouble and trouble.kind == UNSCHEDULABLE and not pod["spec"].get("nodeName"):
            self._leave_pending(pod, trouble.message or MESSAGES[UNSCHEDULABLE])
        elif not pod["spec"].get("nodeName"):
            self._schedule(pod)
        elif trouble and trouble.kind == IMAGE_PULL and not begun:
            self._wait(pod, IMAGE_PULL, trouble.message, restarts=0)
        elif trouble and trouble.kind in {CRASH_LOOP, OUT_OF_MEMORY}:
            self._wait(pod, CRASH_LOOP, trouble.message, restarts=3, because=trouble.kind)
        else:
            self._run(pod, ready=not (trouble and trouble.kind == NOT_READY) and self.passes_probe(pod))
        self._store.put(pod)

    def _leave_pending(self, pod: Manifest, message: str) -> None:
        pod["status"]["phase"] = "Pending"
        if not pod["status"].get("conditions"):
            tell(self._store, pod, "FailedScheduling", message, warning=True)
        set_condition(pod["status"], "PodScheduled", False, UNSCHEDULABLE, message)

    def _schedule(self, pod: Manifest) -> None:
        pod["spec"]["nodeName"] = next(self._nodes)
        pod["status"] |= {"phase": "Pending", "startTime": now(), "hostIP": "10.0.0.1"}
        set_condition(pod["status"], "PodScheduled", True, "Scheduled")
        waiting = {"waiting": {"reason": "ContainerCreating"}}
        pod["status"]["containerStatuses"] = [_container(one, waiting) for one in pod["spec"]["containers"]]
        set_condition(pod["status"], "Ready", False, "ContainersNotReady")

    def _wait(self, pod: Manifest, reason: str, message: str, *, restarts: int, because: str = "") -> None:
        first = pod["spec"]["containers"][0]
        known = {"image": first.get("image", ""), "container": first["name"], "pod": pod["metadata"]["name"]}
        message = message or MESSAGES[reason].format(**known)
        if message in _waiting_for(pod):
            return
        told = _container(first, {"waiting": {"reason": reason, "message": message}}, restarts=restarts)
        if because:
            code, ended = (137, "OOMKilled") if because == OUT_OF_MEMORY else (1, "Error")
            told["lastState"] = {"terminated": {"exitCode": code, "reason": ended, "finishedAt": now()}}
        others = [_container(one, _running()) for one in pod["spec"]["containers"][1:]]
        pod["status"]["containerStatuses"] = [told, *others]
        unready = f"containers with unready status: [{first['name']}]"
        set_condition(pod["status"], "Ready", False, "ContainersNotReady", unready)
        if because:
            pod["status"]["phase"] = "Running"
        tell(self._store, pod, "BackOff", message, warning=True)

    def _run(self, pod: Manifest, *, ready: bool) -> None:
        status = pod["status"]
        if status.get("phase") == "Running" and is_ready(pod) == ready and not _waiting_for(pod):
            return
        status["phase"] = "Running"
        if "podIP" not in status:
            status["podIP"] = f"10.244.{next(self._addresses) // 250}.{next(self._addresses) % 250}"
        status["containerStatuses"] = [
            _container(one, _running(), ready=ready, restarts=_restarts(status)) for one in pod["spec"]["containers"]
        ]
        for kind in ("Initialized", "ContainersReady", "Ready"):
            so = ready or kind == "Initialized"
            set_condition(status, kind, so, "" if so else "ContainersNotReady")


def _goes_on(pod: Manifest) -> bool:
    return pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}


def _waiting_for(pod: Manifest) -> list[str]:
    states = [one["state"] for one in pod["status"].get("containerStatuses", [])]
    return [state["waiting"].get("message", "") for state in states if "waiting" in state]


def is_ready(pod: Manifest) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def selected(store: Store, namespace: str, selector: Manifest | None) -> list[Manifest]:
    """Pods that a LabelSelector takes."""
    return store.list("Pod", namespace, lambda pod: matches(selector, pod["metadata"].get("labels") or {}))


def owned(owner: Manifest, *, blocking: bool = True) -> list[Manifest]:
    """``ownerReferences`` of what a controller makes for an object."""
    reference: dict[str, Any] = {"apiVersion": owner["apiVersion"], "kind": owner["kind"]}
    reference |= {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return [{**reference, "controller": True, "blockOwnerDeletion": blocking}]


def pod_of(owner: Manifest, template: Manifest, name: str) -> Manifest:
    """A new pod of a template."""
    metadata = copied(template.get("metadata") or {})
    metadata |= {"name": name, "namespace": owner["metadata"]["namespace"], "ownerReferences": owned(owner)}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copied(template["spec"])}
    return {**pod, "status": {"phase": "Pending"}}


def drop(store: Store, pod: Manifest) -> None:
    """End a pod at once."""
    store.remove(store.resources.of_kind("Pod"), pod["metadata"]["namespace"], pod["metadata"]["name"])


def _running() -> Manifest:
    return {"running": {"startedAt": now()}}


def _restarts(status: Manifest) -> int:
    return max((item.get("restartCount", 0) for item in status.get("containerStatuses", [])), default=0)


def _container(container: Manifest, state: Manifest, *, ready: bool = False, restarts: int = 0) -> Manifest:
    told = {"name": container["name"], "image": container.get("image", ""), "imageID": "", "state": state}
    return {**told, "ready": ready, "started": "running" in state, "restartCount": restarts, "lastState": {}}
