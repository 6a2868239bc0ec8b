"""Conditions of a status, after ``SetStatusCondition`` of k8s.io/apimachinery."""

from typing import Any

from tests.kuberay.apiserver.store import Manifest, now


def condition(status: Manifest, kind: str) -> Manifest:
    """Empty where it is not told."""
    return next((item for item in status.get("conditions", []) if item["type"] == kind), {})


def is_true(status: Manifest, kind: str) -> bool:
    return bool(condition(status, kind).get("status") == "True")


def set_condition(status: Manifest, kind: str, value: bool | str, reason: str, message: str = "", **more: Any) -> None:
    """In place; the time of the last transition stays where the status does."""
    known = condition(status, kind)
    told = {"type": kind, "status": str(value), "reason": reason, "message": message, **more}
    told["lastTransitionTime"] = known["lastTransitionTime"] if known.get("status") == told["status"] else now()
    if known:
        known.clear()
        known.update(told)
    else:
        status.setdefault("conditions", []).append(told)
