"""Whether the namespace has room for one more worker."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from kubernetes.utils import parse_quantity

from kuberay import paths
from kuberay.doctor.finding import Finding, ok, warning
from kuberay.doctor.patient import Patient
from kuberay.kubernetes_api import Manifest

_ONE: Final = {"pods": "1", "count/pods": "1"}


def quota(patient: Patient) -> Iterator[Finding]:
    """Nothing where the namespace has no quota."""
    worker = patient.needs.worker_requests
    wanted = _ONE | worker | {f"requests.{name}": amount for name, amount in worker.items()}
    for told in patient.api.items(paths.core("resourcequotas", patient.namespace)):
        name = told["metadata"]["name"]
        if short := sorted(_short(told, wanted)):
            advice = "Ask for a larger ResourceQuota, or lower workers.maxReplicas."
            yield warning("Quota", f"{name} has no room for another worker: {', '.join(short)}", advice)
        else:
            yield ok("Quota", f"{name} has room for another worker")


def _short(told: Manifest, wanted: dict[str, str]) -> Iterator[str]:
    status = told.get("status") or {}
    used = status.get("used") or {}
    for resource, hard in (status.get("hard") or told["spec"].get("hard") or {}).items():
        need = wanted.get(resource)
        if need and _amount(used.get(resource, "0")) + _amount(need) > _amount(hard):
            yield f"{resource} {used.get(resource, '0')} of {hard}"


def _amount(quantity: str) -> Decimal:
    return Decimal(parse_quantity(quantity))
