"""The controllers behind Deployments, ReplicaSets and StatefulSets: as much of them as is seen from outside."""

import hashlib
import secrets
from typing import Final

from tests.kuberay.apiserver.conditions import set_condition
from tests.kuberay.apiserver.pods import drop, is_ready, owned, pod_of, selected
from tests.kuberay.apiserver.store import Manifest, Store, copied

HASH: Final = "pod-template-hash"
REVISION: Final = "deployment.kubernetes.io/revision"


class Servers:
    """Of one cluster."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def step(self) -> None:
        for deployment in self._store.list("Deployment"):
            self._roll(deployment)
        for replica_set in self._store.list("ReplicaSet"):
            self._fill(replica_set, replica_set["spec"]["template"]["metadata"]["labels"][HASH])
        for stateful_set in self._store.list("StatefulSet"):
            self._fill(stateful_set, _fingerprint(stateful_set["spec"]["template"]))

    def _roll(self, deployment: Manifest) -> None:
        """One ReplicaSet of the template as it is; those of before are emptied when it is ready."""
        metadata, wanted = deployment["metadata"], deployment["spec"].get("replicas", 1)
        olds = [one for one in self._store.list("ReplicaSet", metadata["namespace"]) if _owns(deployment, one)]
        mark = _fingerprint(deployment["spec"]["template"])
        known = next((one for one in olds if one["metadata"]["labels"].get(HASH) == mark), None)
        current = known or _replica_set(deployment, mark, len(olds) + 1)
        current["spec"]["replicas"] = wanted
        current = self._store.put(current)
        ready = current.get("status", {}).get("readyReplicas", 0)
        for old in olds:
            if old["metadata"]["name"] != current["metadata"]["name"] and ready >= wanted:
                old["spec"]["replicas"] = 0
                self._store.put(old)
        metadata.setdefault("annotations", {})[REVISION] = current["metadata"]["annotations"][REVISION]
        _tell(deployment, wanted, ready)
        up = ready >= wanted
        available, progressing = "MinimumReplicasAvailable", "NewReplicaSetAvailable"
        if not up:
            available, progressing = "MinimumReplicasUnavailable", "ReplicaSetUpdated"
        set_condition(deployment["status"], "Available", up, available)
        set_condition(deployment["status"], "Progressing", True, progressing)
        self._store.put(deployment)

    def _fill(self, owner: Manifest, mark: str) -> None:
        metadata, spec = owner["metadata"], owner["spec"]
        wanted = spec.get("replicas", 1)
        pods = [pod for pod in selected(self._store, metadata["namespace"], spec["selector"]) if _owns(owner, pod)]
        current = [pod for pod in pods if pod["metadata"]["labels"].get(HASH) == mark]
        for pod in [*(pod for pod in pods if pod not in current), *current[wanted:]]:
            drop(self._store, pod)
        for number in range(len(current), wanted):
            end = str(number) if owner["kind"] == "StatefulSet" else secrets.token_hex(3)[:5]
            pod = pod_of(owner, spec["template"], f"{metadata['name']}-{end}")
            pod["metadata"].setdefault("labels", {})[HASH] = mark
            current.append(self._store.put(pod))
        _tell(owner, wanted, sum(is_ready(pod) for pod in current[:wanted]))
        self._store.put(owner)


def _tell(owner: Manifest, wanted: int, ready: int) -> None:
    status = owner.setdefault("status", {})
    status |= {"observedGeneration": owner["metadata"]["generation"], "replicas": wanted, "readyReplicas": ready}
    status |= {"availableReplicas": ready}
    if owner["kind"] != "ReplicaSet":
        status["updatedReplicas"] = wanted


def _owns(owner: Manifest, manifest: Manifest) -> bool:
    uid = owner["metadata"]["uid"]
    return any(reference["uid"] == uid for reference in manifest["metadata"].get("ownerReferences") or [])


def _replica_set(deployment: Manifest, mark: str, revision: int) -> Manifest:
    template = copied(deployment["spec"]["template"])
    template["metadata"]["labels"][HASH] = mark
    labels = template["metadata"]["labels"]
    name = f"{deployment['metadata']['name']}-{mark}"
    metadata = {"name": name, "namespace": deployment["metadata"]["namespace"], "ownerReferences": owned(deployment)}
    metadata |= {"labels": labels, "annotations": {REVISION: str(revision)}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}


def _fingerprint(template: Manifest) -> str:
    return hashlib.sha256(repr(template).encode()).hexdigest()[:10]
