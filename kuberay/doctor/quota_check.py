"""Checks that the namespace's quota has room for another worker."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from kubernetes.utils import parse_quantity

from kuberay.doctor.check import CheckContext, CheckResult, ok, warning
from kuberay.kubernetes_api import Manifest
from kuberay.resource_paths import core_path

_ONE_POD: Final = {"pods": "1", "count/pods": "1"}


def quota(context: CheckContext) -> Iterator[CheckResult]:
    """No result where the namespace has no quota."""
    worker = _worker_requests(context.manifests)
    required = _ONE_POD | worker | {f"requests.{name}": amount for name, amount in worker.items()}
    for found in context.api.items(core_path("resourcequotas", context.namespace)):
        name = found["metadata"]["name"]
        if exceeded := sorted(_exceeded(found, required)):
            advice = "Ask for a larger ResourceQuota, or lower workers.maxReplicas."
            yield warning("Quota", f"{name} has no room for another worker: {', '.join(exceeded)}", advice)
        else:
            yield ok("Quota", f"{name} has room for another worker")


def _exceeded(resource_quota: Manifest, required: dict[str, str]) -> Iterator[str]:
    status = resource_quota.get("status") or {}
    used = status.get("used") or {}
    for resource, hard in (status.get("hard") or resource_quota["spec"].get("hard") or {}).items():
        amount = required.get(resource)
        if amount and _decimal(used.get(resource, "0")) + _decimal(amount) > _decimal(hard):
            yield f"{resource} {used.get(resource, '0')} of {hard}"


def _decimal(quantity: str) -> Decimal:
    return Decimal(parse_quantity(quantity))


def _worker_requests(manifests: Iterable[Manifest]) -> dict[str, str]:
    for manifest in manifests:
        if manifest["kind"] == "RayService":
            for group in manifest["spec"]["rayClusterConfig"].get("workerGroupSpecs") or []:
                resources = group["template"]["spec"]["containers"][0].get("resources") or {}
                return {str(name): str(amount) for name, amount in (resources.get("requests") or {}).items()}
    return {}
