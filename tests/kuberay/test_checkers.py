"""Linters of the deployment files."""

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.kuberay.chart import Manifest, pods
from tests.kuberay.programs import ROOT, checker
from tests.servers.process import require

ACCEPTED = {
    "CKV_K8S_8": "KubeRay adds the liveness probe to the pods of a RayService",
    "CKV_K8S_9": "and the readiness probe",
    "CKV_K8S_15": "tags are immutable; image.digest pins the image",
    "CKV_K8S_35": "Raylens reads its settings from the environment",
    "CKV_K8S_38": "the autoscaler on the head uses the Kubernetes API",
    "CKV_K8S_40": "the images of MySQL and Redis have users below 10000",
    "CKV_K8S_43": "users of the chart set image.digest",
}
"""Accepted findings, each with its reason."""

OF_PODS = {
    "head": {"CKV_K8S_8", "CKV_K8S_9", "CKV_K8S_15", "CKV_K8S_35", "CKV_K8S_38", "CKV_K8S_43"},
    "workers": {"CKV_K8S_8", "CKV_K8S_9", "CKV_K8S_15", "CKV_K8S_35", "CKV_K8S_43"},
    "raylens-migration": {"CKV_K8S_15", "CKV_K8S_35", "CKV_K8S_43"},
    "raylens-mysql": {"CKV_K8S_15", "CKV_K8S_35", "CKV_K8S_40", "CKV_K8S_43"},
    "raylens-redis": {"CKV_K8S_15", "CKV_K8S_35", "CKV_K8S_40", "CKV_K8S_43"},
}


def checkable(manifests: list[Manifest]) -> list[dict[str, Any]]:
    """The objects, with pods in place of the RayService, which checkov does not check."""
    templates = {name: copy.deepcopy(template) for name, template in pods(manifests).items()}
    found = [manifest for manifest in manifests if manifest["kind"] in {"Deployment", "Job", "NetworkPolicy"}]
    for name in ("head", "workers"):
        metadata = {**templates[name]["metadata"], "name": name, "namespace": "vision"}
        found.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": templates[name]["spec"]})
    return found


CHECKOV = """
import json, sys
from checkov.dockerfile.runner import Runner as DockerfileRunner
from checkov.kubernetes.runner import Runner as KubernetesRunner
from checkov.runner_filter import RunnerFilter

reports = [
    runner.run(root_folder=sys.argv[1], runner_filter=RunnerFilter(framework=[runner.check_type]))
    for runner in (KubernetesRunner(), DockerfileRunner())
]
failed = [(one.file_path, one.resource, one.check_id) for report in reports for one in report.failed_checks]
json.dump({"passed": [len(report.passed_checks) for report in reports], "failed": failed}, sys.stdout)
"""
"""Its command line imports the runners of all other frameworks, which takes longer than the checks."""


def checkov(folder: Path) -> dict[str, dict[str, set[str]]]:
    """Identifiers of failed checks, by the file's stem and the resource."""
    command = [str(checker("python")), "-c", CHECKOV, str(folder)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    report = json.loads(outcome.stdout)
    assert all(report["passed"]), "each framework ran"
    failed: dict[str, dict[str, set[str]]] = {}
    for path, resource, check in report["failed"]:
        failed.setdefault(Path(path).stem, {}).setdefault(resource.rpartition(".")[2], set()).add(check)
    return failed


def test_checkov_reports_only_accepted_findings(rendered, tmp_path: Path) -> None:
    sets = ("dev", "eks-alb")
    for name in sets:
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump_all(checkable(rendered(name))))
    shutil.copy(ROOT / "Dockerfile", tmp_path)
    assert checkov(tmp_path) == {name: {pod: OF_PODS[pod] for pod in pods(rendered(name))} for name in sets}
    assert set.union(*OF_PODS.values()) == set(ACCEPTED)


def test_hadolint() -> None:
    outcome = subprocess.run(
        [str(checker("hadolint")), str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert outcome.stdout == ""


def test_shellcheck() -> None:
    shellcheck = require("shellcheck", "shellcheck")
    outcome = subprocess.run(
        [shellcheck, str(ROOT / "kuberay/eks/smoke.sh")], capture_output=True, text=True, check=False
    )
    assert outcome.stdout == ""
