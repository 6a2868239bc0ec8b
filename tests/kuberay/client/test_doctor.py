"""The doctor's checks on a cluster with one problem at a time. Helm is replaced, so that many cases cost little."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from kuberay.doctor.check import CheckResult, CheckState
from kuberay.doctor.diagnosis import doctor_exit_code, run_checks
from kuberay.errors import ClusterUnauthorized
from kuberay.helm import ChartValues, Helm, HelmRevision
from kuberay.kubernetes_api import KubernetesApi
from kuberay.release_reader import ReleaseReader
from kuberay.release_target import ReleaseTarget
from tests.kuberay.apiserver import ApiServer
from tests.kuberay.chart import Manifest

OPERATOR = {"app.kubernetes.io/name": "kuberay-operator"}
KEYS = ("RAYLENS_DATABASE_URL", "RAYLENS_REDIS_URL", "RAYLENS_SECRET_KEY", "RAYLENS_GCS_REDIS_PASSWORD")


@dataclass
class InstalledHelm:
    """Replaces Helm for a release that is installed."""

    objects: list[Manifest]
    revisions: list[HelmRevision] = field(default_factory=list)
    target: ReleaseTarget = field(default_factory=lambda: ReleaseTarget(namespace="vision"))

    def version(self) -> str:
        return "4.1.4"

    def history(self) -> list[HelmRevision]:
        return self.revisions

    def render(self, values: ChartValues) -> str:
        return ""

    def manifests(self) -> list[Manifest]:
        return self.objects


@dataclass
class Environment:
    """A cluster with everything that the release for EKS needs, and the release."""

    server: ApiServer
    helm: InstalledHelm
    kubeconfig: Path

    def put(self, kind: str, name: str, namespace: str = "", api_version: str = "v1", **more: Any) -> None:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **more.pop("metadata", {})}
        self.server.store.put({"apiVersion": api_version, "kind": kind, "metadata": metadata, **more})

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        self.server.store.remove({"kind": kind, "metadata": {"name": name, "namespace": namespace}})

    def results(self) -> list[CheckResult]:
        api = KubernetesApi(ReleaseTarget(namespace="vision", kubeconfig=self.kubeconfig))
        return list(run_checks(cast("Helm", self.helm), ReleaseReader(api, "raylens"), ChartValues()))

    def problems(self) -> list[CheckResult]:
        return [result for result in self.results() if result.state is not CheckState.OK]


def put_operator(environment: Environment, image: str = "quay.io/kuberay/operator:v1.7.0", ready: int = 1) -> None:
    template = {"metadata": {"labels": OPERATOR}, "spec": {"containers": [{"name": "operator", "image": image}]}}
    environment.put(
        "Deployment", "kuberay-operator", "kube-system", "apps/v1",
        metadata={"labels": OPERATOR}, spec={"template": template}, status={"readyReplicas": ready},
    )  # fmt: skip


def put_secret(environment: Environment, *keys: str) -> None:
    environment.put("Secret", "raylens", "vision", data=dict.fromkeys(keys, "c2VjcmV0"))


@pytest.fixture
def environment(api_server: ApiServer, rendered: Callable[[str], list[Manifest]], tmp_path: Path) -> Environment:
    deployed = HelmRevision(1, "deployed", "raylens-0.1.0", "", "")
    helm = InstalledHelm(rendered("eks-alb"), [deployed])
    made = Environment(api_server, helm, api_server.kubeconfig(tmp_path / "kubeconfig"))
    put_operator(made)
    put_secret(made, *KEYS)
    for manifest in helm.objects:
        if manifest["kind"] == "RayService":
            api_server.store.put(manifest)
    api_server.operator.settle()
    return made


def test_no_problem(environment: Environment) -> None:
    assert environment.problems() == []
    results = environment.results()
    names = ["Helm", "Kubernetes", "KubeRay operator", "Namespace", "Kinds", "Permissions", "Secret"]
    assert [result.name for result in results] == [*names, "Release", "RayService", "Pods"]
    assert doctor_exit_code(results) == 0
    assert "c2VjcmV0" not in str(results), "values of Secrets are not shown"


def full_quota(environment: Environment) -> None:
    status = {"hard": {"requests.cpu": "10", "pods": "100"}, "used": {"requests.cpu": "6500m", "pods": "3"}}
    environment.put("ResourceQuota", "team", "vision", spec={"hard": status["hard"]}, status=status)


def unschedulable_workers(environment: Environment) -> None:
    environment.server.pods.fail("worker", "Unschedulable")
    for pod in environment.server.store.list("Pod", "vision"):
        if "worker" in pod["metadata"]["name"]:
            environment.delete("Pod", pod["metadata"]["name"], "vision")
    environment.server.operator.step(3)


def suspend(environment: Environment) -> None:
    (service,) = environment.server.store.list("RayService", "vision")
    environment.server.store.put({**service, "spec": {**service["spec"], "suspend": True}})


def add_revision(status: str) -> Callable[[Environment], None]:
    revision = HelmRevision(2, status, "raylens-0.1.0", "Helm's description", "")
    return lambda environment: environment.helm.revisions.append(revision)


FAILED, WARNING = CheckState.FAILED, CheckState.WARNING
PROBLEMS: dict[str, tuple[Callable[[Environment], None], CheckState, str, str]] = {
    "no operator": (
        lambda environment: environment.delete("Deployment", "kuberay-operator", "kube-system"),
        FAILED,
        "is not installed",
        "helm install kuberay-operator",
    ),
    "old operator": (lambda e: put_operator(e, "kuberay/operator:v1.4.2"), FAILED, "v1.4.2", "1.7"),
    "operator not ready": (lambda e: put_operator(e, ready=0), FAILED, "not ready", "deployment/kuberay-operator"),
    "no namespace": (lambda e: e.delete("Namespace", "vision"), FAILED, "does not exist", "--create-namespace"),
    "no Prometheus operator": (
        lambda environment: environment.server.store.kinds.remove("monitoring.coreos.com", "podmonitors"),
        FAILED,
        "PodMonitor",
        "monitoring.enabled=false",
    ),
    "no permission": (lambda e: e.server.deny("patch", "rayclusters"), FAILED, "patch rayclusters", "Role"),
    "check not permitted": (lambda e: e.server.deny("list", "resourcequotas"), WARNING, "could not", "Role"),
    "no Secret": (lambda e: e.delete("Secret", "raylens", "vision"), FAILED, "raylens does not", "create secret"),
    "no key": (lambda e: put_secret(e, *KEYS[:-1]), FAILED, f"lacks {KEYS[-1]}", "settings"),
    "full quota": (full_quota, WARNING, "requests.cpu 6500m of 10", "ResourceQuota"),
    "no nodes": (unschedulable_workers, FAILED, "Insufficient cpu", "No node has room"),
    "suspended": (suspend, WARNING, "is suspended", "kubectl patch rayservice raylens"),
    "no RayService": (lambda e: e.delete("RayService", "raylens", "vision"), FAILED, "is missing", "raylens deploy"),
    "pending release": (add_revision("pending-upgrade"), FAILED, "pending-upgrade", "raylens rollback"),
    "failed upgrade": (add_revision("failed"), WARNING, "Helm's description", "Deploy again"),
    "not installed": (lambda e: e.helm.revisions.clear(), WARNING, "is not installed", "raylens deploy"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_problem(environment: Environment, case: str) -> None:
    cause, state, detail, advice = PROBLEMS[case]
    cause(environment)
    found = [result for result in environment.problems() if detail in result.detail]
    assert found, environment.problems()
    assert found[0].state is state
    assert advice in found[0].advice


def test_unauthorized_ends_the_checks(environment: Environment) -> None:
    environment.server.fail_next("*", ".", 401)
    with pytest.raises(ClusterUnauthorized):
        environment.results()
