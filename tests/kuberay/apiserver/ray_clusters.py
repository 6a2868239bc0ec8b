"""KubeRay's controller of RayClusters (ray-operator/controllers/ray/raycluster_controller.go)."""

from typing import Final

from tests.kuberay.apiserver.deletion import remove
from tests.kuberay.apiserver.pods import is_ready, new_pod
from tests.kuberay.apiserver.store import Manifest, Store, copied, owner_reference, set_condition

REDIS_FINALIZER: Final = "ray.io/gcs-ft-redis-cleanup-finalizer"
"""Of clusters with GCS fault tolerance: a Job cleans Redis before they are deleted."""

CLUSTER: Final = "ray.io/cluster"
GROUP: Final = "ray.io/group"
NODE_TYPE: Final = "ray.io/node-type"


class RayClusters:
    def __init__(self, store: Store) -> None:
        self._store = store

    def step(self) -> None:
        for cluster in self._store.list("RayCluster"):
            if "deletionTimestamp" in cluster["metadata"]:
                self._clean_redis(cluster)
            else:
                self._reconcile(cluster)

    def _reconcile(self, cluster: Manifest) -> None:
        if "gcsFaultToleranceOptions" in cluster["spec"]:
            cluster["metadata"]["finalizers"] = [REDIS_FINALIZER]
        self._resize(cluster, "headgroup", 1, cluster["spec"]["headGroupSpec"])
        groups = cluster["spec"].get("workerGroupSpecs") or []
        for group in groups:
            self._resize(cluster, group["groupName"], _desired_workers(group), group)
        pods = self._pods(cluster)
        heads = [pod for pod in pods if pod["metadata"]["labels"][GROUP] == "headgroup"]
        workers = [pod for pod in pods if pod not in heads]
        status = cluster.setdefault("status", {})
        status |= {
            "observedGeneration": cluster["metadata"]["generation"],
            "desiredWorkerReplicas": sum(map(_desired_workers, groups)),
            "minWorkerReplicas": sum(group.get("minReplicas", 0) for group in groups),
            "maxWorkerReplicas": sum(group.get("maxReplicas", 0) for group in groups),
            "availableWorkerReplicas": sum(pod["status"].get("phase") == "Running" for pod in workers),
            "readyWorkerReplicas": sum(map(is_ready, workers)),
        }
        up = any(map(is_ready, heads))
        set_condition(status, "HeadPodReady", up, "HeadPodRunningAndReady" if up else "HeadPodNotFound")
        self._store.put(cluster)

    def _pods(self, cluster: Manifest, **labels: str) -> list[Manifest]:
        metadata = cluster["metadata"]
        return self._store.pods(metadata["namespace"], {CLUSTER: metadata["name"], **labels})

    def _resize(self, cluster: Manifest, group: str, count: int, spec: Manifest) -> None:
        pods = self._store.pods(cluster["metadata"]["namespace"], {CLUSTER: cluster["metadata"]["name"], GROUP: group})
        for pod in pods[count:]:
            self._store.remove(pod)
        for _ in range(count - len(pods)):
            self._store.put(_pod(cluster, group, spec))

    def _clean_redis(self, cluster: Manifest) -> None:
        """Pods first, then a Job, then the finalizer; a Job that hangs blocks the deletion."""
        pods = self._pods(cluster)
        for pod in pods:
            self._store.remove(pod)
        if pods:
            return
        metadata = cluster["metadata"]
        name = f"{metadata['name']}-redis-cleanup"
        job = self._store.get("Job", metadata["namespace"], name)
        if job is None:
            labels = {"batch.kubernetes.io/job-name": name}
            template = copied(cluster["spec"]["headGroupSpec"]["template"]) | {"metadata": {"labels": labels}}
            about = {"name": name, "namespace": metadata["namespace"], "ownerReferences": owner_reference(cluster)}
            spec = {"backoffLimit": 0, "template": template, "selector": {"matchLabels": labels}}
            self._store.put({"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "spec": spec})
        elif job.get("status", {}).get("succeeded"):
            remove(self._store, cluster)


def _desired_workers(group: Manifest) -> int:
    low, high = group.get("minReplicas") or 0, group.get("maxReplicas") or 2**31
    return int(min(max(group.get("replicas") or low, low), high))


def _pod(cluster: Manifest, group: str, spec: Manifest) -> Manifest:
    name, is_head = cluster["metadata"]["name"], group == "headgroup"
    labels = {CLUSTER: name, GROUP: group, NODE_TYPE: "head" if is_head else "worker", "ray.io/is-ray-node": "yes"}
    pod = new_pod(cluster, spec["template"], f"{name}-head" if is_head else f"{name}-{group}-worker", labels)
    if is_head:
        pod["spec"]["containers"].append({"name": "autoscaler", "image": "autoscaler"})
    return pod
