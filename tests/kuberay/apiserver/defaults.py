"""What the server itself fills in of Kubernetes' own kinds: the part of it that clients look at."""

import base64
import itertools
from collections.abc import Callable
from typing import Final

from tests.kuberay.apiserver.store import Manifest

_addresses = itertools.count(10)


def fill(manifest: Manifest) -> None:
    """In place."""
    if of_kind := FILLERS.get(f"{manifest['apiVersion']}/{manifest['kind']}"):
        of_kind(manifest)


def _secret(manifest: Manifest) -> None:
    plain = manifest.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        manifest["data"] = {**(manifest.get("data") or {}), **encoded}
    manifest.setdefault("type", "Opaque")


def _service(manifest: Manifest) -> None:
    spec = manifest.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])
    if spec["type"] != "ExternalName" and "clusterIP" not in spec:
        number = next(_addresses)
        spec["clusterIP"] = f"10.96.{number // 250}.{number % 250 + 1}"
    if "clusterIP" in spec:
        spec.setdefault("clusterIPs", [spec["clusterIP"]])


def _pod_spec(spec: Manifest, restart: str = "Always") -> None:
    spec.setdefault("restartPolicy", restart)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("securityContext", {})
    for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
        tag = container.get("image", "").rpartition(":")[2]
        container.setdefault("imagePullPolicy", "Always" if tag == "latest" or "/" in tag else "IfNotPresent")
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        for port in container.get("ports", []):
            port.setdefault("protocol", "TCP")


def _pod(manifest: Manifest) -> None:
    _pod_spec(manifest.setdefault("spec", {}))
    manifest.setdefault("status", {"phase": "Pending"})


def _deployment(manifest: Manifest) -> None:
    spec = manifest.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    spec.setdefault("strategy", rolling)
    _pod_spec(spec["template"].setdefault("spec", {}))


def _stateful_set(manifest: Manifest) -> None:
    spec = manifest.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault("updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    _pod_spec(spec["template"].setdefault("spec", {}))


def _job(manifest: Manifest) -> None:
    spec = manifest.setdefault("spec", {})
    for name, value in (("parallelism", 1), ("completions", 1), ("backoffLimit", 6), ("completionMode", "NonIndexed")):
        spec.setdefault(name, value)
    spec.setdefault("suspend", False)
    _pod_spec(spec["template"].setdefault("spec", {}), restart="Never")
    uid = manifest["metadata"].get("uid")
    if uid and "selector" not in spec:
        labels = {
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": manifest["metadata"]["name"],
        }
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
        of_pods = spec["template"].setdefault("metadata", {})
        of_pods["labels"] = {**(of_pods.get("labels") or {}), **labels}


def _claim(manifest: Manifest) -> None:
    manifest.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    manifest.setdefault("status", {"phase": "Pending"})


def _namespace(manifest: Manifest) -> None:
    manifest.setdefault("spec", {"finalizers": ["kubernetes"]})
    manifest.setdefault("status", {"phase": "Active"})
    labels = manifest["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = manifest["metadata"]["name"]


def _network_policy(manifest: Manifest) -> None:
    for rule in [*manifest["spec"].get("ingress", []), *manifest["spec"].get("egress", [])]:
        for port in rule.get("ports", []):
            port.setdefault("protocol", "TCP")


FILLERS: Final[dict[str, Callable[[Manifest], None]]] = {
    "v1/Secret": _secret,
    "v1/Service": _service,
    "v1/Pod": _pod,
    "v1/PersistentVolumeClaim": _claim,
    "v1/Namespace": _namespace,
    "apps/v1/Deployment": _deployment,
    "apps/v1/StatefulSet": _stateful_set,
    "batch/v1/Job": _job,
    "networking.k8s.io/v1/NetworkPolicy": _network_policy,
}
