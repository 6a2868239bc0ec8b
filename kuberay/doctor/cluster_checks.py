"""Checks of the cluster: its version, KubeRay, installed kinds, permissions."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from kuberay.api_errors import INSTALL_KUBERAY
from kuberay.doctor.check import CheckContext, CheckResult, failed, ok
from kuberay.errors import ClusterResourceNotFound
from kuberay.helm_errors import install_hint
from kuberay.kubectl_commands import OPERATOR_LOG
from kuberay.kubernetes_api import KubernetesApi, Manifest
from kuberay.resource_paths import RAY_API, core_path, resource_path

MIN_KUBERNETES_VERSION: Final = (1, 27)
MIN_KUBERAY_VERSION: Final = (1, 7)
OPERATOR_SELECTOR: Final = "app.kubernetes.io/name=kuberay-operator"

COMMAND_PERMISSIONS: Final = (
    ("", "secrets", "list"),
    ("", "secrets", "create"),
    ("", "secrets", "update"),
    ("", "pods", "list"),
    ("", "pods/log", "get"),
    ("", "events", "list"),
    ("batch", "jobs", "create"),
    ("batch", "jobs", "delete"),
    ("ray.io", "rayservices", "get"),
    ("ray.io", "rayclusters", "get"),
    ("ray.io", "rayclusters", "patch"),
)
"""Group, resource and verb that the commands need, besides writing the chart's objects."""


def kubernetes_version(context: CheckContext) -> Iterator[CheckResult]:
    version = str(context.api.get("/version").get("gitVersion", ""))
    if (_version(version) or (0, 0)) < MIN_KUBERNETES_VERSION:
        yield failed("Kubernetes", f"is {version}", "Upgrade to 1.27 or later.")
    else:
        yield ok("Kubernetes", version)


def namespace(context: CheckContext) -> Iterator[CheckResult]:
    try:
        found = context.api.get(core_path("namespaces", name=context.namespace))
    except ClusterResourceNotFound:
        advice = "Deploy with --create-namespace, or name another with --namespace."
        yield failed("Namespace", f"{context.namespace} does not exist", advice)
        return
    if (found.get("status") or {}).get("phase") == "Terminating":
        yield failed("Namespace", f"{context.namespace} is being deleted", "Wait until it is deleted, or use another.")
    else:
        yield ok("Namespace", context.namespace)


def operator(context: CheckContext) -> Iterator[CheckResult]:
    found = context.api.items(resource_path("apps/v1", "deployments"), labelSelector=OPERATOR_SELECTOR)
    if not found:
        yield failed("KubeRay operator", "is not installed", f"{INSTALL_KUBERAY}.")
    yield from map(_operator, found)


def _operator(deployment: Manifest) -> CheckResult:
    image = str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
    tag = image.partition("@")[0].rpartition(":")[2]
    text = f"{tag} in {deployment['metadata']['namespace']}"
    version = _version(tag)
    if version and version < MIN_KUBERAY_VERSION:
        return failed("KubeRay operator", f"is {text}", "Upgrade it and its CustomResourceDefinitions to 1.7 or later.")
    if not (deployment.get("status") or {}).get("readyReplicas"):
        return failed("KubeRay operator", f"{text} is not ready", f"See `{OPERATOR_LOG}`.")
    return ok("KubeRay operator", text)


def kinds(context: CheckContext) -> Iterator[CheckResult]:
    """Whether the cluster has the kinds of the manifests."""
    required = {*context.kinds, (RAY_API, "RayService"), (RAY_API, "RayCluster")}
    for api_version in sorted({api_version for api_version, _ in required}):
        served = _served_kinds(context.api, api_version)
        missing = sorted(kind for version, kind in required if version == api_version and kind not in served)
        if missing:
            yield failed("Kinds", f"{api_version} lacks {', '.join(missing)}", install_hint(api_version))
        elif api_version == RAY_API:
            yield ok("Kinds", api_version)


def _served_kinds(api: KubernetesApi, api_version: str) -> dict[str, str]:
    """Kind → plural; empty where the cluster lacks the API version."""
    try:
        found = api.get(f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}")
    except ClusterResourceNotFound:
        return {}
    return {str(one["kind"]): str(one["name"]) for one in found.get("resources") or [] if "/" not in one["name"]}


def permissions(context: CheckContext) -> Iterator[CheckResult]:
    """Of the commands, and of Helm for the chart's objects."""
    missing = [
        f"{verb} {resource}"
        for group, resource, verb in sorted({*COMMAND_PERMISSIONS, *_chart_permissions(context)})
        if not _is_allowed(context, group, resource, verb)
    ]
    if missing:
        advice = "Ask a cluster administrator for a Role with them; `kubectl auth can-i --list` lists yours."
        yield failed("Permissions", f"missing: {', '.join(missing)}", advice)
    else:
        yield ok("Permissions", f"complete in {context.namespace}")


def _chart_permissions(context: CheckContext) -> Iterable[tuple[str, str, str]]:
    for api_version in {api_version for api_version, _ in context.kinds}:
        served = _served_kinds(context.api, api_version)
        for kind in {kind for version, kind in context.kinds if version == api_version and kind in served}:
            group = api_version.rpartition("/")[0]
            yield from ((group, served[kind], verb) for verb in ("create", "patch", "delete"))


def _is_allowed(context: CheckContext, group: str, resource: str, verb: str) -> bool:
    name, _, subresource = resource.partition("/")
    attributes = {"namespace": context.namespace, "verb": verb, "group": group, "resource": name}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes | ({"subresource": subresource} if subresource else {})},
    }
    response = context.api.post(resource_path("authorization.k8s.io/v1", "selfsubjectaccessreviews"), review)
    return bool((response.get("status") or {}).get("allowed"))


def _version(text: str) -> tuple[int, int] | None:
    """v1.31.2-eks is (1, 31)."""
    found = re.match(r"v?([0-9]+)\.([0-9]+)", text)
    return (int(found[1]), int(found[2])) if found else None
