"""What KubeRay makes for a RayService, and which of its changes need a new cluster."""

import hashlib
import json
import secrets
from typing import Final

from tests.kuberay.apiserver.pods import owned
from tests.kuberay.apiserver.ray_clusters import CLUSTER
from tests.kuberay.apiserver.store import Manifest, copied

HASH: Final = "ray.io/hash-without-replicas-and-workers-to-delete"
GROUPS: Final = "ray.io/num-worker-groups"
ORIGIN: Final = "ray.io/originated-from-cr-name"
ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"


def new_name(service: Manifest) -> str:
    return f"{service['metadata']['name']}-{''.join(secrets.choice(ALPHABET) for _ in range(5))}"


def cluster_of(service: Manifest, name: str) -> Manifest:
    metadata, spec = service["metadata"], copied(service["spec"]["rayClusterConfig"])
    origin = {ORIGIN: metadata["name"], "ray.io/originated-from-crd": "RayService"}
    notes = {HASH: fingerprint(spec), GROUPS: str(len(spec.get("workerGroupSpecs") or []))}
    made = {"name": name, "namespace": metadata["namespace"], "ownerReferences": owned(service)}
    made |= {
        "labels": {**(metadata.get("labels") or {}), **origin},
        "annotations": {**(metadata.get("annotations") or {}), **notes},
    }
    return {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": made, "spec": spec}


def fingerprint(spec: Manifest) -> str:
    """Of a cluster's specification without what never makes a new cluster."""
    muted = {"replicas", "minReplicas", "maxReplicas"}
    kept = {key: value for key, value in spec.items() if key != "upgradeStrategy"}
    groups = [
        {key: value for key, value in group.items() if key not in muted} for group in spec.get("workerGroupSpecs") or []
    ]
    for group in groups:
        group["scaleStrategy"] = {**(group.get("scaleStrategy") or {}), "workersToDelete": None}
    return hashlib.sha256(json.dumps({**kept, "workerGroupSpecs": groups}, sort_keys=True).encode()).hexdigest()[:40]


def same_cluster(service: Manifest, cluster: Manifest, *, partly: bool = False) -> bool:
    """Whether a cluster is what the service wants; ``partly``: but for worker groups that were appended."""
    spec = copied(service["spec"]["rayClusterConfig"])
    notes = cluster["metadata"]["annotations"]
    if partly:
        groups, known = spec.get("workerGroupSpecs") or [], int(notes[GROUPS])
        if len(groups) < known:
            return False
        spec["workerGroupSpecs"] = groups[:known]
    return bool(notes[HASH] == fingerprint(spec))


def serve_service(service: Manifest, cluster: Manifest) -> Manifest:
    name = f"{service['metadata']['name']}-serve-svc"
    selector = {CLUSTER: cluster["metadata"]["name"], "ray.io/serve": "true"}
    metadata = {"name": name, "namespace": service["metadata"]["namespace"], "ownerReferences": owned(service)}
    metadata["labels"] = {ORIGIN: service["metadata"]["name"], "ray.io/serve": name}
    ports = [{"name": "serve", "port": 8000, "protocol": "TCP", "targetPort": 8000}]
    spec = {"type": "ClusterIP", "selector": selector, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def needs_new(service: Manifest, cluster: Manifest | None) -> bool:
    """Whether a change is one that the cluster, the pending one if there is one, cannot take up."""
    if cluster is None:
        return True
    if same_cluster(service, cluster) or same_cluster(service, cluster, partly=True):
        return False
    return (service["spec"].get("upgradeStrategy") or {}).get("type") != "None"
