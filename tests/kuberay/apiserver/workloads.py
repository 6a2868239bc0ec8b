"""The controllers behind Jobs and claims, and what drives all workloads on: as much as is seen from outside."""

import secrets
import time
from dataclasses import dataclass
from typing import Final

from tests.kuberay.apiserver.conditions import is_true, set_condition
from tests.kuberay.apiserver.events import tell
from tests.kuberay.apiserver.logs import Logs
from tests.kuberay.apiserver.pods import Pods, drop, pod_of, selected
from tests.kuberay.apiserver.store import Manifest, Store, now

RAY_NODE: Final = "ray.io/is-ray-node"


@dataclass(frozen=True)
class JobPlan:
    """What becomes of jobs: ``hang`` runs until the deadline; else they succeed, or fail with what they print."""

    succeed: bool = True
    hang: bool = False
    log: str = ""


class Workloads:
    """Of one server."""

    def __init__(self, store: Store, pods: Pods, logs: Logs) -> None:
        self.job_plan = JobPlan()
        self._store = store
        self._pods = pods
        self._logs = logs
        self._begun: dict[str, float] = {}

    def step(self) -> None:
        with self._store.lock:
            for deployment in self._store.list("Deployment"):
                self._step_deployment(deployment)
            for job in self._store.list("Job"):
                self._step_job(job)
            for claim in self._store.list("PersistentVolumeClaim"):
                self._bind(claim)
            self._pods.step(lambda pod: RAY_NODE not in (pod["metadata"].get("labels") or {}) and not _of_job(pod))

    def _step_deployment(self, deployment: Manifest) -> None:
        """It has no pods, and is ready unless a test has set ``readyReplicas``."""
        replicas = deployment["spec"].get("replicas", 1)
        status = deployment.setdefault("status", {})
        ready = status.get("readyReplicas", replicas)
        status |= {"observedGeneration": deployment["metadata"]["generation"], "replicas": replicas}
        status |= {"readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": replicas}
        set_condition(status, "Available", ready >= replicas, "MinimumReplicas")
        set_condition(status, "Progressing", True, "NewReplicaSetAvailable")
        self._store.put(deployment)

    def _step_job(self, job: Manifest) -> None:
        status = job.setdefault("status", {})
        if is_true(status, "Complete") or is_true(status, "Failed") or job["spec"].get("suspend"):
            return
        now_s = time.monotonic()
        began = self._begun.setdefault(job["metadata"]["uid"], now_s)
        deadline = job["spec"].get("activeDeadlineSeconds")
        status |= {"startTime": status.get("startTime") or now()}
        running = self._running_pod(job)
        if deadline is not None and now_s - began >= deadline:
            self._finish(job, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
            if running:
                drop(self._store, running)
        elif running is None:
            self._start_pod(job, status)
        elif not self.job_plan.hang:
            self._end_pod(job, running)
        self._store.put(job)

    def _running_pod(self, job: Manifest) -> Manifest | None:
        pods = selected(self._store, job["metadata"]["namespace"], job["spec"].get("selector"))
        return next((pod for pod in pods if pod["status"]["phase"] == "Running"), None)

    def _start_pod(self, job: Manifest, status: Manifest) -> None:
        name = f"{job['metadata']['name']}-{secrets.token_hex(3)[:5]}"
        pod = self._store.put(pod_of(job, job["spec"]["template"], name))
        for _ in range(2):
            self._pods.step(lambda other: other["metadata"]["uid"] == pod["metadata"]["uid"])
        status["active"] = 1
        tell(self._store, job, "SuccessfulCreate", f"Created pod: {name}")

    def _end_pod(self, job: Manifest, pod: Manifest) -> None:
        plan, status = self.job_plan, job["status"]
        pod["status"]["phase"] = "Succeeded" if plan.succeed else "Failed"
        set_condition(pod["status"], "Ready", False, "PodCompleted" if plan.succeed else "PodFailed")
        ended = {
            "exitCode": 0 if plan.succeed else 1,
            "reason": "Completed" if plan.succeed else "Error",
            "finishedAt": now(),
        }
        for container in pod["status"].get("containerStatuses", []):
            container |= {"ready": False, "started": False, "state": {"terminated": ended}}
        self._store.put(pod)
        self._logs.write(pod["metadata"]["namespace"], pod["metadata"]["name"], plan.log, "", previous=False)
        status.pop("active", None)
        count = "succeeded" if plan.succeed else "failed"
        status[count] = status.get(count, 0) + 1
        if plan.succeed:
            status["completionTime"] = now()
            self._finish(job, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
        elif status["failed"] > job["spec"].get("backoffLimit", 6):
            self._finish(job, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")

    def _finish(self, job: Manifest, kind: str, reason: str, message: str) -> None:
        job["status"].pop("active", None)
        before = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
        set_condition(job["status"], before, True, reason, message)
        set_condition(job["status"], kind, True, reason, message)
        tell(self._store, job, "Completed" if kind == "Complete" else reason, message, warning=kind == "Failed")

    def _bind(self, claim: Manifest) -> None:
        if claim.get("status", {}).get("phase") != "Bound":
            claim["spec"].setdefault("volumeName", f"pvc-{claim['metadata']['uid']}")
            capacity = claim["spec"].get("resources", {}).get("requests", {})
            self._store.put(
                {
                    **claim,
                    "status": {"phase": "Bound", "capacity": capacity, "accessModes": claim["spec"]["accessModes"]},
                }
            )


def _of_job(pod: Manifest) -> bool:
    return any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences", []))
