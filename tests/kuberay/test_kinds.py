"""Every object has only keys that its API knows; test_rayservice.py checks the RayService."""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.kuberay import custom_types
from tests.kuberay.chart import MODES, SETS, Manifest
from tests.kuberay.programs import ROOT, checker

OTHERS = {"ray.io/v1", "getambassador.io/v3alpha1"}
"""Without types here: the first is checked against KubeRay's definition, the second below."""

EMISSARY: dict[str, dict[str, type]] = {
    "Listener": {"port": int, "protocol": str, "securityModel": str, "hostBinding": dict},
    "Host": {"hostname": str, "tlsSecret": dict, "requestPolicy": dict},
    "Mapping": {"hostname": str, "prefix": str, "rewrite": str, "service": str, "timeout_ms": int},
}
"""The keys of Emissary's kinds that the chart uses."""


def is_built_in(manifest: Manifest) -> bool:
    return not custom_types.knows(manifest) and manifest["apiVersion"] not in OTHERS


def distinct(manifests: list[Manifest]) -> list[Manifest]:
    return list({json.dumps(manifest, sort_keys=True): manifest for manifest in manifests}.values())


def test_kinds_of_kubernetes(rendered, tmp_path: Path) -> None:
    """One wrong key and one wrong value are added, to see that they are found."""
    found = [manifest for name in SETS for manifest in rendered(name) if is_built_in(manifest)]
    without_dashboards = [{**one, "data": {}} if one["kind"] == "ConfigMap" else one for one in found]
    job = next(manifest for manifest in found if manifest["kind"] == "Job")
    wrong = [{**job, "spec": {**job["spec"], **change}} for change in ({"backofLimit": 3}, {"backoffLimit": "many"})]
    file = tmp_path / "objects.yaml"
    file.write_text("\n---\n".join(map(json.dumps, [*distinct(without_dashboards), *wrong])))
    command = [str(checker("kubernetes-validate")), "--strict", "--quiet", str(file)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    unknown_key, wrong_value = outcome.stdout.splitlines()
    assert "'backofLimit' was unexpected" in unknown_key
    assert "spec.backoffLimit: 'many' is not" in wrong_value


def test_kinds_of_other_apis(rendered, tmp_path: Path) -> None:
    """Gateway API, Prometheus operator and Karpenter; with one wrong key, to see that it is found."""
    pools: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "kuberay/eks/karpenter.yaml").read_text()))
    found = [manifest for mode in MODES for manifest in rendered(f"eks-{mode}") if custom_types.knows(manifest)]
    kinds = {manifest["kind"] for manifest in [*found, *pools]}
    assert kinds >= {"Gateway", "HTTPRoute", "PodMonitor", "EC2NodeClass", "NodePool"}
    monitor = next(manifest for manifest in found if manifest["kind"] == "PodMonitor")
    wrong = {**monitor, "spec": {**monitor["spec"], "podMetricEndpoints": []}}
    (error,) = custom_types.errors([*distinct(found), *pools, wrong], tmp_path)
    assert "podMetricEndpoints" in error


def test_kinds_of_emissary(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        if manifest["apiVersion"] == "getambassador.io/v3alpha1":
            known = EMISSARY[manifest["kind"]]
            assert set(manifest["spec"]) == set(known)
            assert all(isinstance(manifest["spec"][key], type_) for key, type_ in known.items())


def test_no_other_api_is_used(manifests: list[Manifest]) -> None:
    groups = {manifest["apiVersion"].partition("/")[0] for manifest in manifests if is_built_in(manifest)}
    assert groups <= {"v1", "apps", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io"}
