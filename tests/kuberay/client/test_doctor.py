"""The doctor on a cluster where one thing at a time is wrong. Helm only renders, so that many cases cost little."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from kuberay.doctor.examination import code_of, examine
from kuberay.doctor.finding import Finding, State
from kuberay.errors import NotSignedIn
from kuberay.helm import Helm, Revision, Values
from kuberay.kubernetes_api import KubernetesApi
from kuberay.observation import Observer
from kuberay.target import Target
from tests.kuberay.apiserver import ApiServer
from tests.kuberay.chart import Manifest

OPERATOR = {"app.kubernetes.io/name": "kuberay-operator"}
KEYS = ("RAYLENS_DATABASE_URL", "RAYLENS_REDIS_URL", "RAYLENS_SECRET_KEY", "RAYLENS_GCS_REDIS_PASSWORD")


@dataclass
class Rendered:
    """Stands for Helm."""

    objects: list[Manifest]
    revisions: list[Revision] = field(default_factory=list)
    target: Target = field(default_factory=lambda: Target(namespace="vision"))

    def version(self) -> str:
        return "4.1.4"

    def chart_version(self) -> str:
        return "raylens-0.1.0"

    def history(self) -> list[Revision]:
        return self.revisions

    def manifests(self) -> list[Manifest]:
        return self.objects


@dataclass
class Clinic:
    """A cluster that has all that the release for EKS needs, and the release."""

    server: ApiServer
    helm: Rendered
    kubeconfig: Path

    def put(self, kind: str, name: str, namespace: str = "", api_version: str = "v1", **more: Any) -> None:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **more.pop("metadata", {})}
        self.server.store.put({"apiVersion": api_version, "kind": kind, "metadata": metadata, **more})

    def forget(self, kind: str, name: str, namespace: str = "") -> None:
        store = self.server.store
        store.remove(store.resources.of_kind(kind), namespace, name)

    def findings(self) -> list[Finding]:
        api = KubernetesApi(Target(namespace="vision", kubeconfig=self.kubeconfig))
        return list(examine(cast("Helm", self.helm), Observer(api, "raylens"), Values()))

    def wrong(self) -> list[Finding]:
        return [finding for finding in self.findings() if finding.state is not State.OK]


def operator(clinic: Clinic, image: str = "quay.io/kuberay/operator:v1.7.0", ready: int = 1) -> None:
    containers = [{"name": "operator", "image": image}]
    spec = {
        "selector": {"matchLabels": OPERATOR},
        "template": {"metadata": {"labels": OPERATOR}, "spec": {"containers": containers}},
    }
    clinic.put(
        "Deployment", "kuberay-operator", "kube-system", "apps/v1",
        metadata={"labels": OPERATOR}, spec={**spec, "replicas": ready}, status={},
    )  # fmt: skip
    clinic.server.settle()  # or it is as it was put, and what the controllers make of it comes later
    assert clinic.server.store.wait_for(lambda: operator_is_ready(clinic) is bool(ready), 30.0)


def operator_is_ready(clinic: Clinic) -> bool:
    """Its pod comes and goes with the controllers that work in the background."""
    deployment = clinic.server.store.get("Deployment", "kube-system", "kuberay-operator") or {}
    return bool(deployment.get("status", {}).get("readyReplicas"))


def secret(clinic: Clinic, *keys: str) -> None:
    clinic.put("Secret", "raylens", "vision", data=dict.fromkeys(keys, "c2VjcmV0"))


def storage(clinic: Clinic, provisioner: str) -> None:
    clinic.put("StorageClass", "raylens-efs", api_version="storage.k8s.io/v1", provisioner=provisioner)


@pytest.fixture
def clinic(api_server: ApiServer, rendered: Callable[[str], list[Manifest]], tmp_path: Path) -> Clinic:
    done = Revision(1, "deployed", "raylens-0.1.0", "0.1.0", "", "")
    made = Clinic(api_server, Rendered(rendered("eks-alb"), [done]), api_server.kubeconfig(tmp_path / "kubeconfig"))
    operator(made)
    secret(made, *KEYS)
    storage(made, "efs.csi.aws.com")
    made.put("IngressClass", "alb", api_version="networking.k8s.io/v1", spec={})
    for manifest in made.helm.objects:
        if manifest["kind"] == "RayService":
            api_server.store.put(manifest)
    api_server.operator.settle()
    return made


def test_all_is_well(clinic: Clinic) -> None:
    assert clinic.wrong() == []
    names = {finding.name for finding in clinic.findings()}
    assert names >= {"Helm", "Kubernetes", "KubeRay operator", "Namespace", "Rights", "Secret", "Storage", "RayService"}
    assert code_of(clinic.findings()) == 0


def bounds_that_differ(clinic: Clinic) -> None:
    (service,) = clinic.server.store.list("RayService", "vision")
    service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["maxReplicas"] = 20
    clinic.server.store.put(service)
    clinic.server.operator.settle()


def no_room_in_the_quota(clinic: Clinic) -> None:
    status = {"hard": {"requests.cpu": "10", "pods": "100"}, "used": {"requests.cpu": "6500m", "pods": "3"}}
    clinic.put("ResourceQuota", "team", "vision", spec={"hard": status["hard"]}, status=status)


def pods_without_room(clinic: Clinic) -> None:
    clinic.server.pods.fail("worker", "Unschedulable")
    for pod in clinic.server.store.list("Pod", "vision"):
        if "worker" in pod["metadata"]["name"]:
            clinic.forget("Pod", pod["metadata"]["name"], "vision")
    clinic.server.operator.step(3)


def suspended(clinic: Clinic) -> None:
    (service,) = clinic.server.store.list("RayService", "vision")
    clinic.server.store.put({**service, "spec": {**service["spec"], "suspend": True}})


def revision(status: str, chart: str = "raylens-0.1.0") -> Callable[[Clinic], None]:
    def add(clinic: Clinic) -> None:
        clinic.helm.revisions.append(Revision(2, status, chart, "0.1.0", "as it was told", ""))

    return add


WRONG: dict[str, tuple[Callable[[Clinic], None], State, str, str]] = {
    "no operator": (
        lambda clinic: clinic.forget("Deployment", "kuberay-operator", "kube-system"),
        State.FAILED,
        "is not there",
        "helm install kuberay-operator",
    ),
    "an old operator": (lambda c: operator(c, "kuberay/operator:v1.4.2"), State.FAILED, "v1.4.2", "1.7"),
    "an operator that does not run": (lambda c: operator(c, ready=0), State.FAILED, "not ready", "kuberay-operator"),
    "an operator of unknown version": (lambda c: operator(c, "me/operator:latest"), State.WARNING, "latest", "1.7"),
    "no Prometheus operator": (
        lambda clinic: clinic.server.store.resources.forget("monitoring.coreos.com", "podmonitors"),
        State.FAILED,
        "PodMonitor",
        "monitoring.enabled=false",
    ),
    "no right": (lambda clinic: clinic.server.deny("patch", "rayclusters"), State.FAILED, "patch rayclusters", "Role"),
    "no look": (lambda clinic: clinic.server.deny("list", "resourcequotas"), State.WARNING, "could not", "Role"),
    "no Secret": (lambda c: c.forget("Secret", "raylens", "vision"), State.FAILED, "raylens is not", "create secret"),
    "no key": (lambda c: secret(c, *KEYS[:-1]), State.FAILED, f"lacks {KEYS[-1]}", "settings"),
    "a volume for one node": (lambda c: storage(c, "ebs.csi.aws.com"), State.FAILED, "one node", "ReadWriteMany"),
    "an unknown volume": (lambda c: storage(c, "example.org/disk"), State.WARNING, "not known", "ReadWriteMany"),
    "no class": (lambda c: c.forget("StorageClass", "raylens-efs"), State.FAILED, "raylens-efs", "spool"),
    "no controller": (lambda c: c.forget("IngressClass", "alb"), State.FAILED, "alb is not there", "ingress.mode"),
    "the quota": (no_room_in_the_quota, State.WARNING, "requests.cpu 6500m of 10", "ResourceQuota"),
    "no nodes": (pods_without_room, State.FAILED, "Insufficient cpu", "No node has room"),
    "bounds": (
        bounds_that_differ,
        State.WARNING,
        "the release says 2 to 20, the running cluster has 2 to ",
        "raylens scale --min 2 --max 20",
    ),
    "suspended": (suspended, State.WARNING, "is suspended", "kubectl patch rayservice raylens"),
    "a Helm that was killed": (revision("pending-upgrade"), State.FAILED, "pending-upgrade", "raylens rollback"),
    "a failed upgrade": (revision("failed"), State.WARNING, "as it was told", "Deploy again"),
    "another chart": (revision("deployed", "raylens-0.0.9"), State.WARNING, "raylens-0.0.9", "up to date"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong(clinic: Clinic, case: str) -> None:
    break_it, state, told, advice = WRONG[case]
    break_it(clinic)
    found = [finding for finding in clinic.wrong() if told in finding.detail]
    assert found, clinic.wrong()
    assert found[0].state is state
    assert advice in found[0].advice


def test_secrets_stay_secret(clinic: Clinic) -> None:
    assert "c2VjcmV0" not in str(clinic.findings())


def test_nobody_asks_further_who_is_not_signed_in(clinic: Clinic) -> None:
    clinic.server.fail_next("*", ".", 401)
    with pytest.raises(NotSignedIn):
        clinic.findings()
