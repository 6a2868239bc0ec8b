"""KubeRay's controller of RayClusters, as seen from outside (ray-operator/controllers/ray/raycluster_controller.go)."""

import base64
import secrets
from typing import Final

from tests.kuberay.apiserver.conditions import condition, set_condition
from tests.kuberay.apiserver.deletion import delete, finish
from tests.kuberay.apiserver.events import tell
from tests.kuberay.apiserver.options import Options
from tests.kuberay.apiserver.pods import is_ready, owned, selected
from tests.kuberay.apiserver.store import Manifest, Store, copied, now
from tests.kuberay.apiserver.target import Target

FINALIZER: Final = "ray.io/gcs-ft-redis-cleanup-finalizer"
"""On clusters with GCS fault tolerance: Redis is cleaned by a Job before they go."""

CLUSTER: Final = "ray.io/cluster"
GROUP: Final = "ray.io/group"


class RayClusters:
    """Of one server."""

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
            finalizers = cluster["metadata"].setdefault("finalizers", [])
            if FINALIZER not in finalizers:
                finalizers.append(FINALIZER)
                cluster = self._store.put(cluster)
        self._make_secret(cluster)
        self._make_head_service(cluster)
        if cluster["spec"].get("suspend"):
            self._resize(cluster, "headgroup", 0, cluster["spec"]["headGroupSpec"])
        else:
            self._resize(cluster, "headgroup", 1, cluster["spec"]["headGroupSpec"])
        for group in cluster["spec"].get("workerGroupSpecs") or []:
            count = 0 if cluster["spec"].get("suspend") else wanted_workers(group)
            self._resize(cluster, group["groupName"], count, group)
        self._tell_status(cluster)

    def _make_secret(self, cluster: Manifest) -> None:
        """The token that guards the dashboard and the job API."""
        name, namespace = cluster["metadata"]["name"], cluster["metadata"]["namespace"]
        wanted = (cluster["spec"].get("authOptions") or {}).get("mode") == "token"
        if wanted and not self._store.get("Secret", namespace, name):
            token = base64.b64encode(secrets.token_urlsafe(24).encode()).decode()
            metadata = {"name": name, "namespace": namespace, "ownerReferences": owned(cluster)}
            metadata["labels"] = {CLUSTER: name}
            self._store.put(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": metadata,
                    "type": "Opaque",
                    "data": {"auth_token": token},
                }
            )

    def _make_head_service(self, cluster: Manifest) -> None:
        name, namespace = cluster["metadata"]["name"], cluster["metadata"]["namespace"]
        if not self._store.get("Service", namespace, f"{name}-head-svc"):
            self._store.put(head_service(f"{name}-head-svc", cluster, cluster))

    def _resize(self, cluster: Manifest, group: str, count: int, spec: Manifest) -> None:
        metadata = cluster["metadata"]
        labels = {CLUSTER: metadata["name"], GROUP: group}
        pods = selected(self._store, metadata["namespace"], {"matchLabels": labels})
        for pod in pods[count:]:
            self._store.remove(self._store.resources.of_kind("Pod"), metadata["namespace"], pod["metadata"]["name"])
        for _ in range(count - len(pods)):
            pod = self._store.put(_pod(cluster, group, spec))
            tell(self._store, cluster, "CreatedHeadPod" if group == "headgroup" else "CreatedWorkerPod", _made(pod))

    def _tell_status(self, cluster: Manifest) -> None:
        metadata, groups = cluster["metadata"], cluster["spec"].get("workerGroupSpecs") or []
        pods = selected(self._store, metadata["namespace"], {"matchLabels": {CLUSTER: metadata["name"]}})
        heads = [pod for pod in pods if pod["metadata"]["labels"][GROUP] == "headgroup"]
        workers = [pod for pod in pods if pod not in heads]
        ready = sum(is_ready(pod) for pod in workers)
        status = cluster.setdefault("status", {})
        status |= {
            "observedGeneration": metadata["generation"],
            "desiredWorkerReplicas": sum(wanted_workers(group) for group in groups),
            "minWorkerReplicas": sum(group.get("minReplicas", 0) for group in groups),
            "maxWorkerReplicas": sum(group.get("maxReplicas", 0) for group in groups),
            "availableWorkerReplicas": sum(pod["status"].get("phase") == "Running" for pod in workers),
            "readyWorkerReplicas": ready,
            "head": _head(heads, f"{metadata['name']}-head-svc"),
        }
        up = bool(heads) and is_ready(heads[0])
        set_condition(status, "HeadPodReady", up, "HeadPodRunningAndReady" if up else "HeadPodNotFound")
        whole = up and ready >= status["desiredWorkerReplicas"]
        if whole and condition(status, "RayClusterProvisioned").get("status") != "True":
            set_condition(status, "RayClusterProvisioned", True, "AllPodRunningAndReadyFirstTime")
            status |= {"state": "ready", "lastUpdateTime": now()}
        self._store.put(cluster)

    def _clean_redis(self, cluster: Manifest) -> None:
        """Pods first, then a Job that cleans Redis, then the finalizer; a Job that hangs keeps the cluster."""
        metadata = cluster["metadata"]
        pods = selected(self._store, metadata["namespace"], {"matchLabels": {CLUSTER: metadata["name"]}})
        for pod in pods:
            self._store.remove(self._store.resources.of_kind("Pod"), metadata["namespace"], pod["metadata"]["name"])
        if pods or FINALIZER not in metadata.get("finalizers", []):
            return
        name = f"{metadata['name']}-redis-cleanup"
        job = self._store.get("Job", metadata["namespace"], name)
        if job is None:
            template = copied(cluster["spec"]["headGroupSpec"]["template"])
            template["spec"]["restartPolicy"] = "Never"
            meta = {"name": name, "namespace": metadata["namespace"], "ownerReferences": owned(cluster)}
            labels = {"batch.kubernetes.io/job-name": name}
            template["metadata"] = {"labels": labels}
            spec = {
                "backoffLimit": 0,
                "activeDeadlineSeconds": 300,
                "template": template,
                "selector": {"matchLabels": labels},
            }
            self._store.put({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec})
        elif any(item["status"] == "True" for item in job.get("status", {}).get("conditions", [])):
            metadata["finalizers"].remove(FINALIZER)
            finish(self._store, self._store.resources.of_kind("RayCluster"), self._store.put(cluster))


def remove(store: Store, cluster: Manifest) -> None:
    """Delete a cluster as an operator does."""
    target = Target(
        store.resources.of_kind("RayCluster"), cluster["metadata"]["namespace"], cluster["metadata"]["name"]
    )
    delete(store, target, Options(propagation="Background"))


def wanted_workers(group: Manifest) -> int:
    low, high = group.get("minReplicas") or 0, group.get("maxReplicas") or 2**31
    return int(min(max(group.get("replicas") or low, low), high))


def head_service(name: str, owner: Manifest, cluster: Manifest) -> Manifest:
    """A service that leads to the head of a cluster."""
    of_head = {CLUSTER: cluster["metadata"]["name"], "ray.io/node-type": "head"}
    ports = [{"name": "dashboard", "port": 8265, "protocol": "TCP", "targetPort": 8265}]
    metadata = {"name": name, "namespace": owner["metadata"]["namespace"], "ownerReferences": owned(owner)}
    metadata["labels"] = {CLUSTER: cluster["metadata"]["name"], "ray.io/identifier": name}
    spec = {"type": "ClusterIP", "clusterIP": "None", "selector": of_head, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _head(pods: list[Manifest], service: str) -> Manifest:
    if not pods:
        return {}
    address = pods[0]["status"].get("podIP", "")
    name = pods[0]["metadata"]["name"]
    return {"podName": name, "podIP": address, "serviceName": service, "serviceIP": address}


def _pod(cluster: Manifest, group: str, spec: Manifest) -> Manifest:
    name, head = cluster["metadata"]["name"], group == "headgroup"
    template = copied(spec["template"])
    metadata = template.get("metadata") or {}
    end = "head" if head else f"{group}-worker-{secrets.token_hex(3)[:5]}"
    metadata |= {
        "name": f"{name}-{end}",
        "namespace": cluster["metadata"]["namespace"],
        "ownerReferences": owned(cluster),
        "labels": {
            **(metadata.get("labels") or {}),
            "ray.io/is-ray-node": "yes",
            "ray.io/node-type": "head" if head else "worker",
            "ray.io/identifier": f"{name}-{'head' if head else 'worker'}",
            "ray.io/serve": "false" if head else "true",
            CLUSTER: name,
            GROUP: group,
        },
    }
    if head and cluster["spec"].get("enableInTreeAutoscaling"):
        image = template["spec"]["containers"][0].get("image", "")
        template["spec"]["containers"].append({"name": "autoscaler", "image": image})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    }


def _made(pod: Manifest) -> str:
    return f"Created pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
