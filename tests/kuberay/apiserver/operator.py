"""KubeRay's controller of RayServices, as seen from outside.

After ``Reconcile``, ``calculateStatus`` and ``shouldPrepareNewCluster`` of
ray-operator/controllers/ray/rayservice_controller.go: which clusters there are, where the services lead, what the
status says and when. Not here: Gateway and HTTPRoute of incremental upgrades, which go like ``NewCluster`` instead.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.kuberay.apiserver import ray_rules
from tests.kuberay.apiserver.conditions import condition, is_true, set_condition
from tests.kuberay.apiserver.events import tell
from tests.kuberay.apiserver.pods import Pods, is_ready, selected
from tests.kuberay.apiserver.ray_clusters import RayClusters, head_service, remove
from tests.kuberay.apiserver.rollout import cluster_of, needs_new, same_cluster, serve_service
from tests.kuberay.apiserver.serve_state import ServeState, all_running
from tests.kuberay.apiserver.service_status import draw_up, name_of
from tests.kuberay.apiserver.store import Manifest, Store, copied, now


class Operator:
    """Of one server. What a test tells it holds for all RayServices."""

    def __init__(self, store: Store, pods: Pods) -> None:
        self.serve = ServeState()
        self.invalid = ""
        """A fault to find with every RayService."""
        self.flapping = False
        """Whether workers are ready and not ready in turn."""
        self.seconds_passed = 0.0
        """Added to the clock by which old clusters are deleted."""
        self._store = store
        self._pods = pods
        pods.passes_probe = self._passes_probe
        self._clusters = RayClusters(store)
        self._due: dict[str, float] = {}
        self._steps = 0

    def step(self, times: int = 1) -> None:
        """Look at every RayService, every RayCluster and every pod of Ray once."""
        for _ in range(times):
            with self._store.lock:
                self._steps += 1
                for service in self._store.list("RayService"):
                    if "deletionTimestamp" not in service["metadata"]:
                        self._reconcile(service)
                self._clusters.step()
                for cluster in self._store.list("RayCluster"):
                    self._place_replicas(cluster)
                with self._flapping():
                    self._pods.step(lambda pod: "ray.io/is-ray-node" in (pod["metadata"].get("labels") or {}))

    def settle(self, most: int = 30) -> None:
        """Step until nothing changes any more. Raises AssertionError where that never comes."""
        for _ in range(most):
            before = self._store.revision
            self.step()
            if self._store.revision == before:
                return
        raise AssertionError(f"something changes still after {most} steps")

    @contextmanager
    def _flapping(self) -> Iterator[None]:
        if self.flapping and self._steps % 2:
            with self._pods.unready("-worker-"):
                yield
        else:
            yield

    def _place_replicas(self, cluster: Manifest) -> None:
        metadata = cluster["metadata"]
        labels = {"ray.io/cluster": metadata["name"], "ray.io/node-type": "worker"}
        workers = selected(self._store, metadata["namespace"], {"matchLabels": labels})
        running = [pod["metadata"]["name"] for pod in workers if pod["status"].get("phase") == "Running"]
        self.serve.place(metadata["name"], running)

    def _passes_probe(self, pod: Manifest) -> bool:
        """Of workers it asks Serve's proxy: ``wget localhost:8000/-/healthz | grep success``."""
        metadata = pod["metadata"]
        labels = metadata.get("labels") or {}
        is_worker = labels.get("ray.io/node-type") == "worker"
        return not is_worker or self.serve.has_proxy(labels["ray.io/cluster"], metadata["name"])

    def _reconcile(self, service: Manifest) -> None:
        status = service.setdefault("status", {})
        before = copied(status)
        found = ("InvalidRayServiceSpec", self.invalid) if self.invalid else ray_rules.fault(service)
        if found:
            self._refuse(service, *found)
            return
        self._delete_old(service)
        active, pending = self._cluster(service, "active"), self._cluster(service, "pending")
        if pending is None and name_of(status, "pending"):
            pending = self._make(service)
        elif pending:
            pending = self._take_up(service, pending)
        elif active:
            active = self._take_up(service, active)
        applications = self._deploy(service, active, pending)
        serving = pending or active
        if applications and serving and all_running(applications):
            self._lead_to(service, serving)
        draw_up(service, active, pending, applications, self._endpoints(service))
        if status != before:
            status["lastUpdateTime"] = now()
            self._store.put(service)

    def _refuse(self, service: Manifest, reason: str, message: str) -> None:
        """The generation stays unobserved."""
        where = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
        if condition(service["status"], "Ready").get("message") != message:
            tell(self._store, service, reason, f"{where}: {message}", warning=True)
        set_condition(service["status"], "Ready", False, "ValidationFailed", message)
        self._store.put(service)

    def _delete_old(self, service: Manifest) -> None:
        status = service["status"]
        names = {name_of(status, "active"), name_of(status, "pending")}
        delay = service["spec"].get("rayClusterDeletionDelaySeconds")
        for cluster in self._all_clusters(service):
            name = cluster["metadata"]["name"]
            if name in names or "deletionTimestamp" in cluster["metadata"]:
                continue
            due = self._due.setdefault(name, self._time() + (60 if delay is None else delay))
            if self._time() >= due:
                remove(self._store, cluster)
                where = f"{cluster['metadata']['namespace']}/{name}"
                tell(self._store, service, "DeletedRayCluster", f"Deleted the RayCluster {where}")

    def _time(self) -> float:
        return time.monotonic() + self.seconds_passed

    def _all_clusters(self, service: Manifest) -> list[Manifest]:
        uid = service["metadata"]["uid"]
        listed = self._store.list("RayCluster", service["metadata"]["namespace"])
        return [one for one in listed if any(o["uid"] == uid for o in one["metadata"].get("ownerReferences", []))]

    def _cluster(self, service: Manifest, which: str) -> Manifest | None:
        name = name_of(service["status"], which)
        return self._store.get("RayCluster", service["metadata"]["namespace"], name) if name else None

    def _make(self, service: Manifest) -> Manifest:
        name = service["status"]["pendingServiceStatus"]["rayClusterName"]
        made = self._store.put(cluster_of(service, name))
        where = f"{made['metadata']['namespace']}/{name}"
        tell(self._store, service, "CreatedRayCluster", f"Created the RayCluster {where}")
        return made

    def _take_up(self, service: Manifest, cluster: Manifest) -> Manifest:
        """Carry worker groups over that were appended. Changed replica counts are not carried over (kuberay#4568)."""
        if same_cluster(service, cluster) or not same_cluster(service, cluster, partly=True):
            return cluster
        goal = cluster_of(service, cluster["metadata"]["name"])
        cluster["spec"] = goal["spec"]
        cluster["metadata"] |= {key: goal["metadata"][key] for key in ("labels", "annotations")}
        return self._store.put(cluster)

    def _deploy(self, service: Manifest, active: Manifest | None, pending: Manifest | None) -> dict[str, Any] | None:
        """What Serve tells of the cluster that is looked at: the pending one, if there is one."""
        cluster = pending or active
        if cluster is None or (not pending and needs_new(service, cluster)):
            return None
        if not is_true(cluster.get("status", {}), "HeadPodReady"):
            return None
        self.serve.send(cluster["metadata"]["name"], service["spec"].get("serveConfigV2", ""))
        return self.serve.applications(cluster["metadata"]["name"])

    def _lead_to(self, service: Manifest, cluster: Manifest) -> None:
        """Point the two services at a cluster, and call it the active one."""
        name = service["metadata"]["name"]
        self._store.put(head_service(f"{name}-head-svc", service, cluster))
        self._store.put(serve_service(service, cluster))
        status = service["status"]
        if name_of(status, "active") != cluster["metadata"]["name"]:
            status["activeServiceStatus"] = status.pop("pendingServiceStatus")

    def _endpoints(self, service: Manifest) -> int:
        namespace = service["metadata"]["namespace"]
        serving = self._store.get("Service", namespace, f"{service['metadata']['name']}-serve-svc")
        if serving is None:
            return 0
        pods = selected(self._store, namespace, {"matchLabels": serving["spec"]["selector"]})
        return sum(is_ready(pod) for pod in pods)
