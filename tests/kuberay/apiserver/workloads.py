"""The controllers of Jobs, Deployments and PersistentVolumeClaims."""

import time
from dataclasses import dataclass
from typing import Final

from tests.kuberay.apiserver.logs import Logs
from tests.kuberay.apiserver.pods import Pods, new_pod, set_container_states
from tests.kuberay.apiserver.store import Manifest, Store, condition, set_condition

RAY_NODE: Final = "ray.io/is-ray-node"


@dataclass(frozen=True)
class JobPlan:
    """Jobs succeed, fail with ``log``, or hang until their deadline."""

    succeed: bool = True
    hang: bool = False
    log: str = ""


class Workloads:
    def __init__(self, store: Store, pods: Pods, logs: Logs) -> None:
        self.job_plan = JobPlan()
        self._store = store
        self._pods = pods
        self._logs = logs
        self._started: dict[str, float] = {}

    def step(self) -> None:
        with self._store.lock:
            for deployment in self._store.list("Deployment"):
                self._step_deployment(deployment)
            for job in self._store.list("Job"):
                self._step_job(job)
            for claim in self._store.list("PersistentVolumeClaim"):
                self._store.put({**claim, "status": {"phase": "Bound"}})
            self._pods.step(lambda pod: RAY_NODE not in (pod["metadata"].get("labels") or {}))

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
        if condition(status, "Complete") or condition(status, "Failed"):
            return
        metadata, spec = job["metadata"], job["spec"]
        started = self._started.setdefault(metadata["uid"], time.monotonic())
        pods = self._store.pods(metadata["namespace"], spec["selector"]["matchLabels"])
        running = next((pod for pod in pods if pod["status"]["phase"] == "Running"), None)
        if time.monotonic() - started >= spec.get("activeDeadlineSeconds", 1e9):
            set_condition(status, "Failed", True, "DeadlineExceeded", "Job was active longer than specified deadline")
            if running:
                self._store.remove(running)
        elif running and not self.job_plan.hang:
            self._end_pod(job, running)
        elif all(pod["status"]["phase"] == "Failed" for pod in pods):
            self._store.put(new_pod(job, spec["template"], metadata["name"], {}))
        self._store.put(job)

    def _end_pod(self, job: Manifest, pod: Manifest) -> None:
        plan, status = self.job_plan, job["status"]
        pod["status"]["phase"] = "Succeeded" if plan.succeed else "Failed"
        set_container_states(pod, {"terminated": {"exitCode": 0 if plan.succeed else 1, "reason": "Ended"}})
        self._store.put(pod)
        self._logs.write(pod["metadata"]["namespace"], pod["metadata"]["name"], plan.log)
        if plan.succeed:
            status["succeeded"] = 1
            set_condition(status, "Complete", True, "CompletionsReached")
            return
        status["failed"] = status.get("failed", 0) + 1
        if status["failed"] > job["spec"].get("backoffLimit", 6):
            set_condition(status, "Failed", True, "BackoffLimitExceeded")
