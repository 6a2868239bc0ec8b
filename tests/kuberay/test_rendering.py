"""Both major versions of Helm accept the chart, and render the same."""

from pathlib import Path

import pytest

from tests.kuberay.chart import CHART, DEV, EKS, MODES, SETS, Helm, Manifest, one


@pytest.mark.parametrize("name", ["dev", *(f"eks-{mode}" for mode in MODES)])
def test_lint(each_helm: Helm, name: str) -> None:
    assert "0 chart(s) failed" in each_helm.run("lint", "--strict", str(CHART), *SETS[name].arguments())


def test_a_package_contains_the_linked_configuration(each_helm: Helm, tmp_path: Path) -> None:
    each_helm.run("package", str(CHART), "--destination", str(tmp_path))
    (package,) = tmp_path.glob("*.tgz")
    assert each_helm.template(EKS, chart=package) == each_helm.template(EKS)


def test_both_versions_render_the_same(helm: Helm, tmp_path: Path) -> None:
    """Except for the generated passwords of a trial."""
    older = Helm(3, tmp_path)
    for name, values in SETS.items():
        rendered = (each.template(values) for each in (older, helm))
        first, second = (sorted(str(one) for one in found if one["kind"] != "Secret") for found in rendered)
        assert first == second, name


KINDS: dict[str, set[str]] = {
    "alb": {"Ingress"},
    "gateway": {"Gateway", "HTTPRoute"},
    "emissary": {"Listener", "Host", "Mapping"},
    "none": set(),
}


@pytest.mark.parametrize("mode", MODES)
def test_objects_of_an_ingress_mode(helm: Helm, mode: str) -> None:
    kinds = {manifest["kind"] for manifest in helm.template(SETS[f"eks-{mode}"])}
    assert kinds & set().union(*KINDS.values()) == KINDS[mode]


def test_every_object_is_of_the_namespace_and_told_apart_by_its_labels(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        metadata = manifest["metadata"]
        assert metadata["namespace"] == "vision", metadata["name"]
        assert metadata["labels"]["app.kubernetes.io/instance"] == "raylens", metadata["name"]
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]
    assert len(names) == len(set(names))


def test_all_objects_are_named_after_the_release(helm: Helm) -> None:
    for manifest in helm.template(SETS["eks-alb"], release="other"):
        assert manifest["metadata"]["name"].startswith("other")


def test_helm_keeps_the_spool(rendered) -> None:
    claim = one(rendered("eks-alb"), "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"], "the workers of all nodes share it"


def test_the_migration_runs_first(rendered) -> None:
    """Except for a trial, whose release contains the database."""
    hooks = {
        name: one(rendered(name), "Job")["metadata"]["annotations"]["helm.sh/hook"].split(",")
        for name in ("dev", "eks-alb")
    }
    assert hooks == {"dev": ["post-install", "pre-upgrade"], "eks-alb": ["pre-install", "pre-upgrade"]}
    job = one(rendered("eks-alb"), "Job")["spec"]
    assert job["activeDeadlineSeconds"] > 0
    assert job["template"]["spec"]["containers"][0]["command"] == ["raylens", "db", "upgrade"]


def test_notes(helm: Helm, tmp_path: Path) -> None:
    notes = helm.run("install", "raylens", str(CHART), "--dry-run=client", *EKS.arguments())
    assert "https://raylens.example.org" in notes
    assert "service/raylens-serve-svc 8000:8000" in notes
    assert "are deleted with" not in notes
    assert "are deleted with their pod" in helm.run(
        "install", "raylens", str(CHART), "--dry-run=client", *DEV.arguments()
    )
