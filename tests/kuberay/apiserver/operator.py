"""KubeRay's controller of RayServices, as its clients see it.

After ``Reconcile``, ``calculateStatus`` and ``shouldPrepareNewCluster`` of
ray-operator/controllers/ray/rayservice_controller.go: which clusters exist, which one serves, and the status.
"""

import hashlib
import json
import secrets
from typing import Any, Final

from tests.kuberay.apiserver.deletion import delete
from tests.kuberay.apiserver.pods import Pods, is_ready
from tests.kuberay.apiserver.ray_clusters import CLUSTER, NODE_TYPE, RayClusters
from tests.kuberay.apiserver.serve_state import ServeState
from tests.kuberay.apiserver.store import Manifest, Store, condition, copied, owner_reference, owners, set_condition

HASH: Final = "ray.io/hash-without-replicas-and-workers-to-delete"
ORIGIN: Final = "ray.io/originated-from-cr-name"


class Operator:
    """Works only in ``step``."""

    def __init__(self, store: Store, pods: Pods) -> None:
        self.serve = ServeState()
        self.invalid = ""
        """A validation error for every RayService."""
        self._store = store
        self._pods = pods
        pods.passes_probe = self._passes_probe
        self._clusters = RayClusters(store)

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            with self._store.lock:
                for service in self._store.list("RayService"):
                    self._reconcile(service)
                self._clusters.step()
                for cluster in self._store.list("RayCluster"):
                    self._place_replicas(cluster)
                self._pods.step(lambda pod: CLUSTER in (pod["metadata"].get("labels") or {}))

    def settle(self) -> None:
        """Step until nothing changes."""
        for _ in range(30):
            before = self._store.revision
            self.step()
            if self._store.revision == before:
                return
        raise AssertionError("the operator does not settle")

    def _workers(self, cluster: Manifest) -> list[Manifest]:
        metadata = cluster["metadata"]
        return self._store.pods(metadata["namespace"], {CLUSTER: metadata["name"], NODE_TYPE: "worker"})

    def _place_replicas(self, cluster: Manifest) -> None:
        running = [pod for pod in self._workers(cluster) if pod["status"].get("phase") == "Running"]
        self.serve.place(cluster["metadata"]["name"], [pod["metadata"]["name"] for pod in running])

    def _passes_probe(self, pod: Manifest) -> bool:
        """For workers it is ``wget localhost:8000/-/healthz | grep success``, so they need a proxy of Serve."""
        labels = pod["metadata"].get("labels") or {}
        return labels.get(NODE_TYPE) != "worker" or self.serve.has_proxy(labels[CLUSTER], pod["metadata"]["name"])

    def _reconcile(self, service: Manifest) -> None:
        status = service.setdefault("status", {})
        if self.invalid:  # the generation stays unobserved
            set_condition(status, "Ready", False, "ValidationFailed", self.invalid)
            self._store.put(service)
            return
        active, pending = self._cluster(service, "active"), self._cluster(service, "pending")
        newest = pending or active
        if newest is None or newest["metadata"]["annotations"][HASH] != _hash(service["spec"]["rayClusterConfig"]):
            newest = pending = self._create(service)
        applications = self._deploy(service, newest)
        if pending and applications and all(one["status"] == "RUNNING" for one in applications.values()):
            active, pending = pending, None
        self._delete_others(service, active, pending)
        self._set_status(service, active, pending, applications)

    def _cluster(self, service: Manifest, role: str) -> Manifest | None:
        name = service["status"].get(f"{role}ServiceStatus", {}).get("rayClusterName", "")
        return self._store.get("RayCluster", service["metadata"]["namespace"], name)

    def _create(self, service: Manifest) -> Manifest:
        """Changed replica counts alone create no cluster, and are not copied to a running one (kuberay#4568)."""
        metadata, spec = service["metadata"], copied(service["spec"]["rayClusterConfig"])
        about = {"name": f"{metadata['name']}-{secrets.token_hex(3)}", "namespace": metadata["namespace"]}
        origin = {ORIGIN: metadata["name"], "ray.io/originated-from-crd": "RayService"}
        about |= {"labels": {**(metadata.get("labels") or {}), **origin}, "annotations": {HASH: _hash(spec)}}
        about["ownerReferences"] = owner_reference(service)
        return self._store.put({"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": about, "spec": spec})

    def _deploy(self, service: Manifest, cluster: Manifest) -> dict[str, Any]:
        if condition(cluster.get("status", {}), "HeadPodReady").get("status") != "True":
            return {}
        self.serve.send(cluster["metadata"]["name"], service["spec"]["serveConfigV2"])
        return self.serve.applications(cluster["metadata"]["name"])

    def _delete_others(self, service: Manifest, *kept: Manifest | None) -> None:
        """At once: the delay is left out."""
        names = {cluster["metadata"]["name"] for cluster in kept if cluster}
        for cluster in self._store.list("RayCluster", service["metadata"]["namespace"]):
            mine = service["metadata"]["uid"] in {owner["uid"] for owner in owners(cluster)}
            if mine and cluster["metadata"]["name"] not in names:
                delete(self._store, cluster)

    def _set_status(
        self, service: Manifest, active: Manifest | None, pending: Manifest | None, applications: dict[str, Any]
    ) -> None:
        """While there are two clusters, only the pending one's applications are reported."""
        status = service["status"]
        for role, cluster in (("active", active), ("pending", pending)):
            status.pop(f"{role}ServiceStatus", None)
            if cluster:
                name, cluster_status = cluster["metadata"]["name"], cluster.get("status", {})
                status[f"{role}ServiceStatus"] = {"rayClusterName": name, "rayClusterStatus": cluster_status}
                if applications and cluster is (pending or active):
                    status[f"{role}ServiceStatus"]["applicationStatuses"] = applications
        endpoints = sum(map(is_ready, self._workers(active))) if active else 0
        status |= {"observedGeneration": service["metadata"]["generation"], "numServeEndpoints": endpoints}
        set_condition(status, "Ready", bool(endpoints), "NonZeroServeEndpoints" if endpoints else "Initializing")
        upgrading = bool(active and pending)
        reason = "BothActivePendingClustersExist" if upgrading else "NoPendingCluster"
        set_condition(status, "UpgradeInProgress", upgrading, reason)
        self._store.put(service)


def _hash(spec: Manifest) -> str:
    """Without what never needs a new cluster."""
    ignored = {"replicas", "minReplicas", "maxReplicas"}
    groups = [{key: value for key, value in group.items() if key not in ignored} for group in spec["workerGroupSpecs"]]
    return hashlib.sha256(json.dumps({**spec, "workerGroupSpecs": groups}, sort_keys=True).encode()).hexdigest()[:40]
