"""Every object is one that its API takes, key by key; RayService has a test file of its own."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kuberay import custom_types
from tests.kuberay.chart import MODES, SETS, Manifest
from tests.kuberay.programs import ROOT, checker

OTHERS = {"ray.io/v1", "getambassador.io/v3alpha1"}
"""Of these there are no types here: the first is held to KubeRay's definition, the second below."""

EMISSARY: dict[str, dict[str, type]] = {
    "Listener": {"port": int, "protocol": str, "securityModel": str, "hostBinding": dict},
    "Host": {"hostname": str, "tlsSecret": dict, "requestPolicy": dict},
    "Mapping": {"hostname": str, "prefix": str, "rewrite": str, "service": str, "timeout_ms": int},
}
"""The keys of Emissary's definitions that we use."""


def built_in(manifest: Manifest) -> bool:
    return not custom_types.knows(manifest) and manifest["apiVersion"] not in OTHERS


def test_kubernetes_knows_its_own_kinds(rendered, tmp_path: Path) -> None:
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all(manifest for name in SETS for manifest in rendered(name) if built_in(manifest)))
    validate(file)


def validate(file: Path) -> None:
    command = [str(checker("kubernetes-validate")), "--strict", "--no-warn", str(file)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_kubernetes_refuses_what_it_does_not_know(rendered, tmp_path: Path) -> None:
    """Else the test above proves nothing."""
    job = next(manifest for manifest in rendered("dev") if manifest["kind"] == "Job")
    file = tmp_path / "objects.yaml"
    for key, value in (("backofLimit", 3), ("backoffLimit", "many")):
        file.write_text(yaml.safe_dump({**job, "spec": {**job["spec"], key: value}}))
        with pytest.raises(AssertionError, match=key):
            validate(file)


def test_other_apis_know_theirs(rendered, tmp_path: Path) -> None:
    """Gateway API, Prometheus operator and Karpenter."""
    pools: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "kuberay/eks/karpenter.yaml").read_text()))
    found = [manifest for mode in MODES for manifest in rendered(f"eks-{mode}") if custom_types.knows(manifest)]
    kinds = {manifest["kind"] for manifest in [*found, *pools]}
    assert kinds >= {"Gateway", "HTTPRoute", "PodMonitor", "EC2NodeClass", "NodePool"}
    assert custom_types.faults([*found, *pools], tmp_path) == []


def test_the_types_refuse_what_they_do_not_know(rendered, tmp_path: Path) -> None:
    """Else the tests above prove nothing."""
    (monitor,) = (manifest for manifest in rendered("eks-alb") if manifest["kind"] == "PodMonitor")
    wrong = {**monitor, "spec": {**monitor["spec"], "podMetricEndpoints": []}}
    (fault,) = custom_types.faults([wrong], tmp_path)
    assert "podMetricEndpoints" in fault


def test_emissary_is_given_keys_that_it_has(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        if manifest["apiVersion"] == "getambassador.io/v3alpha1":
            known = EMISSARY[manifest["kind"]]
            assert set(manifest["spec"]) == set(known)
            assert all(isinstance(manifest["spec"][key], of) for key, of in known.items())


def test_every_kind_is_looked_at(manifests: list[Manifest]) -> None:
    groups = {manifest["apiVersion"].partition("/")[0] for manifest in manifests if built_in(manifest)}
    assert groups <= {"v1", "apps", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io"}
