"""The status of a RayService, as KubeRay draws it up."""

from typing import Any

from tests.kuberay.apiserver.conditions import is_true, set_condition
from tests.kuberay.apiserver.rollout import needs_new, new_name
from tests.kuberay.apiserver.store import Manifest


def draw_up(
    service: Manifest, active: Manifest | None, pending: Manifest | None, applications: Any, ready: int
) -> None:
    """In place. ``applications`` of the cluster that is looked at; ``ready``: endpoints of the serve service."""
    status = service["status"]
    status["observedGeneration"] = service["metadata"]["generation"]
    newest = pending or active
    promoted = bool(pending) and name_of(status, "active") == _name(pending)
    if promoted:
        active, pending = pending, None
    for which, cluster in (("active", active), ("pending", pending)):
        told = status.get(f"{which}ServiceStatus")
        if told and cluster:
            told.pop("applicationStatuses", None)
            told["rayClusterStatus"] = cluster.get("status", {})
            if applications and cluster is newest:
                told["applicationStatuses"] = applications
    if not promoted and needs_new(service, newest) and (pending or not name_of(status, "pending")):
        status["pendingServiceStatus"] = {"rayClusterName": new_name(service)}
    status["numServeEndpoints"] = ready
    _conclude(status)


def name_of(status: Manifest, which: str) -> str:
    """The name of the active or the pending cluster, empty where there is none."""
    name: str = status.get(f"{which}ServiceStatus", {}).get("rayClusterName", "")
    return name


def _name(cluster: Manifest | None) -> str:
    return cluster["metadata"]["name"] if cluster else ""


def _conclude(status: Manifest) -> None:
    """Conditions, from the rest of the status."""
    told = {"observedGeneration": status["observedGeneration"]}
    if not status.get("conditions"):
        for kind in ("Ready", "UpgradeInProgress"):
            set_condition(status, kind, False, "Initializing", "RayService is initializing", **told)
    if status["numServeEndpoints"] > 0:
        message = "Number of serve endpoints is greater than 0"
        set_condition(status, "Ready", True, "NonZeroServeEndpoints", message, **told)
    elif is_true(status, "Ready"):
        set_condition(status, "Ready", False, "ZeroServeEndpoints", "Number of serve endpoints dropped to 0", **told)
    active = name_of(status, "active")
    pending = name_of(status, "pending")
    if active and pending:
        message = "Both active and pending Ray clusters exist"
        set_condition(status, "UpgradeInProgress", True, "BothActivePendingClustersExist", message, **told)
    elif active:
        message = "Active Ray cluster exists and no pending Ray cluster"
        set_condition(status, "UpgradeInProgress", False, "NoPendingCluster", message, **told)
    status["serviceStatus"] = "Running" if is_true(status, "Ready") else ""
