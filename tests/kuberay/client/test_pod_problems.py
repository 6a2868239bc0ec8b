import pytest

from kuberay.pod_problems import PodProblemKind as Kind
from kuberay.pod_problems import pod_problems


def pod(status, **labels: str):
    return {
        "metadata": {"name": "pod-1", "labels": {"raylens/component": "worker", "ray.io/cluster": "c", **labels}},
        "status": status,
    }


def container(state=None, *, last=None, restarts: int = 0):
    return {
        "containerStatuses": [{"name": "main", "state": state or {}, "lastState": last or {}, "restartCount": restarts}]
    }


def waiting(reason: str, message: str = ""):
    return {"waiting": {"reason": reason, "message": message}}


OOM = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
ERROR = {"terminated": {"reason": "Error", "exitCode": 1}}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes: no cpu"}

PROBLEMS = {
    "image pull": (container(waiting("ImagePullBackOff", "Back-off")), Kind.IMAGE, "ImagePullBackOff: Back-off"),
    "first image pull": (container(waiting("ErrImagePull")), Kind.IMAGE, "ErrImagePull"),
    "image name": (container(waiting("InvalidImageName")), Kind.IMAGE, "InvalidImageName"),
    "crash": (
        container(waiting("CrashLoopBackOff"), last=ERROR, restarts=4),
        Kind.CRASH,
        "4 times, last with exit code 1",
    ),
    "memory, repeatedly": (container(waiting("CrashLoopBackOff"), last=OOM, restarts=4), Kind.MEMORY, "OOMKilled"),
    "memory, restarted": (container({"running": {}}, last=OOM), Kind.MEMORY, "OOMKilled"),
    "memory, not restarted": ({"phase": "Failed", **container(OOM)}, Kind.MEMORY, "OOMKilled"),
    "exited": ({"phase": "Failed", **container(ERROR)}, Kind.CRASH, "main ended with exit code 1"),
    "Secret key": (
        container(waiting("CreateContainerConfigError", "couldn't find key")),
        Kind.CONFIGURATION,
        "couldn't find key",
    ),
    "no room": ({"phase": "Pending", "conditions": [UNSCHEDULABLE]}, Kind.NO_ROOM, "Unschedulable: 0/3 nodes: no cpu"),
    "evicted": ({"phase": "Failed", "reason": "Evicted", "message": "low on disk"}, Kind.LOST, "Evicted: low on disk"),
    "init container": (
        {"initContainerStatuses": container(waiting("ErrImageNeverPull"))["containerStatuses"]},
        Kind.IMAGE,
        "Never",
    ),
}

NO_PROBLEM = {
    "new": {},
    "starting": container(waiting("ContainerCreating")),
    "running": {"phase": "Running", **container({"running": {}})},
    "restarted": {"phase": "Running", **container({"running": {}}, last=ERROR, restarts=1)},
    "done": {"phase": "Succeeded", **container({"terminated": {"reason": "Completed", "exitCode": 0}})},
    "scheduled": {"conditions": [{"type": "PodScheduled", "status": "True"}]},
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_problem(case: str):
    status, kind, message = PROBLEMS[case]
    (found,) = pod_problems([pod(status)])
    assert (found.kind, found.pod, found.component, found.cluster) == (kind, "pod-1", "worker", "c")
    assert message in found.message
    assert "{" not in found.advice


@pytest.mark.parametrize("case", NO_PROBLEM)
def test_no_problem(case: str):
    assert pod_problems([pod(NO_PROBLEM[case])]) == []


def test_advice_names_the_pod():
    (found,) = pod_problems([pod(container(waiting("CrashLoopBackOff")))])
    assert "kubectl logs pod-1" in found.advice
