"""RayServices with the statuses that KubeRay reports."""

from typing import Any

APPLICATION = {
    "status": "RUNNING",
    "serveDeploymentStatuses": {"Ingress": {"status": "HEALTHY"}, "Classifier": {"status": "HEALTHY"}},
}


def condition(kind: str, status: str, reason: str = "Reason", message: str = "") -> dict[str, str]:
    values = {"type": kind, "status": status, "reason": reason, "message": message}
    return {**values, "lastTransitionTime": "2026-01-01T00:00:00Z"}


def cluster(name: str = "raylens-abcde", application: Any = APPLICATION, **status: Any) -> dict[str, Any]:
    values = {"availableWorkerReplicas": 2, "readyWorkerReplicas": 2, "desiredWorkerReplicas": 2, **status}
    return {
        "rayClusterName": name,
        "rayClusterStatus": values,
        "applicationStatuses": {"raylens": application} if application else {},
    }


def service(*conditions: dict[str, str], **changed: Any) -> dict[str, Any]:
    """A ready one with changes; status keys that are None are left out."""
    values = {"Ready": condition("Ready", "True"), "UpgradeInProgress": condition("UpgradeInProgress", "False")}
    values |= {one["type"]: one for one in conditions}
    status = {
        "observedGeneration": 3,
        "numServeEndpoints": 2,
        "activeServiceStatus": cluster(),
        "conditions": list(values.values()),
        **changed.pop("status", {}),
    }
    return {
        "metadata": {"name": "raylens", "generation": 3},
        "spec": {"serveConfigV2": "applications: [{name: raylens}]", **changed},
        "status": {key: value for key, value in status.items() if value is not None},
    }


READY = service()
FAILED = service(status={"activeServiceStatus": cluster(application={**APPLICATION, "status": "DEPLOY_FAILED"})})
