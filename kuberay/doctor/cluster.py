"""The cluster: its version, KubeRay, the kinds it knows, what you may do there."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from kuberay import paths
from kuberay.api_errors import KUBERAY
from kuberay.doctor.finding import Finding, failed, ok, warning
from kuberay.doctor.patient import Patient
from kuberay.errors import NotFound
from kuberay.helm_errors import DEFINITIONS
from kuberay.kubectl_commands import OPERATOR_LOG
from kuberay.kubernetes_api import KubernetesApi, Manifest
from kuberay.pods import OPERATOR

OLDEST: Final = (1, 27)
OLDEST_KUBERAY: Final = (1, 7)

RIGHTS: Final = (
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
"""Group, resource and verb of what the commands do beside writing the chart's objects."""


def version(patient: Patient) -> Iterator[Finding]:
    told = str(patient.api.get("/version").get("gitVersion", ""))
    if _numbers(told) < OLDEST:
        yield failed("Kubernetes", f"is {told}", f"Upgrade to {'.'.join(map(str, OLDEST))} or later.")
    else:
        yield ok("Kubernetes", told)


def namespace(patient: Patient) -> Iterator[Finding]:
    try:
        told = patient.api.get(paths.core("namespaces", name=patient.namespace))
    except NotFound:
        advice = "Deploy with --create-namespace, or name another with --namespace."
        yield failed("Namespace", f"{patient.namespace} is not there", advice)
        return
    if (told.get("status") or {}).get("phase") == "Terminating":
        yield failed("Namespace", f"{patient.namespace} is being deleted", "Wait until it is gone, or use another.")
    else:
        yield ok("Namespace", patient.namespace)


def operator(patient: Patient) -> Iterator[Finding]:
    found = patient.api.items(paths.path_of("apps/v1", "deployments"), labelSelector=OPERATOR)
    if not found:
        yield failed("KubeRay operator", "is not there", f"{KUBERAY}.")
    for deployment in found:
        yield _operator(deployment)


def _operator(deployment: Manifest) -> Finding:
    where = f"in {deployment['metadata']['namespace']}"
    image = str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
    tag = image.partition("@")[0].rpartition(":")[2]
    known = re.match(r"v?\d+\.\d+", tag) is not None
    if known and _numbers(tag) < OLDEST_KUBERAY:
        return failed("KubeRay operator", f"is {tag} {where}", "Upgrade it and its definitions to 1.7 or later.")
    if not (deployment.get("status") or {}).get("readyReplicas"):
        return failed("KubeRay operator", f"{tag} {where} is not ready", f"See `{OPERATOR_LOG}`.")
    if not known:
        return warning("KubeRay operator", f"of unknown version ({image}) {where}", "1.7 or later is needed.")
    return ok("KubeRay operator", f"{tag} {where}")


def kinds(patient: Patient) -> Iterator[Finding]:
    """Whether the cluster knows the kinds of the manifests."""
    wanted = {*patient.needs.kinds, (paths.RAY, "RayService"), (paths.RAY, "RayCluster")}
    for api_version in sorted({api_version for api_version, _ in wanted}):
        served = served_kinds(patient.api, api_version)
        missing = sorted(kind for version, kind in wanted if version == api_version and kind not in served)
        if missing:
            group = api_version.partition("/")[0]
            advice = DEFINITIONS.get(group, f"Install what defines {api_version}.")
            yield failed("Definitions", f"{api_version} has no {', '.join(missing)}", advice)
        elif "." in api_version.partition("/")[0] and not api_version.partition("/")[0].endswith(".k8s.io"):
            yield ok("Definitions", api_version)


def served_kinds(api: KubernetesApi, api_version: str) -> dict[str, str]:
    """Kind → plural; empty where the cluster does not know the group in this version."""
    try:
        told = api.get(f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}")
    except NotFound:
        return {}
    return {str(one["kind"]): str(one["name"]) for one in told.get("resources") or [] if "/" not in one["name"]}


def rights(patient: Patient) -> Iterator[Finding]:
    """What the commands do, and Helm with the chart's objects."""
    lacking = [
        f"{verb} {resource}"
        for group, resource, verb in sorted({*RIGHTS, *_rights_on(patient)})
        if not _may(patient, group, resource, verb)
    ]
    if lacking:
        advice = "Ask who runs the cluster for a Role that holds them; `kubectl auth can-i --list` shows yours."
        yield failed("Rights", f"you may not {', '.join(lacking)}", advice)
    else:
        yield ok("Rights", f"all that is needed in {patient.namespace}")


def _rights_on(patient: Patient) -> Iterable[tuple[str, str, str]]:
    plurals = {version: served_kinds(patient.api, version) for version in {one for one, _ in patient.needs.kinds}}
    for api_version, kind in patient.needs.kinds:
        if plural := plurals[api_version].get(kind):
            group = api_version.rpartition("/")[0]
            yield from ((group, plural, verb) for verb in ("create", "patch", "delete"))


def _may(patient: Patient, group: str, resource: str, verb: str) -> bool:
    name, _, subresource = resource.partition("/")
    asked = {"namespace": patient.namespace, "verb": verb, "group": group, "resource": name}
    if subresource:
        asked["subresource"] = subresource
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    answer = patient.api.post(paths.path_of("authorization.k8s.io/v1", "selfsubjectaccessreviews"), review)
    return bool((answer.get("status") or {}).get("allowed"))


def _numbers(text: str) -> tuple[int, ...]:
    """Of a version: v1.31.2-eks is (1, 31)."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
