"""Both major versions of Helm take the chart, and make the same of it."""

from pathlib import Path

import pytest

from tests.kuberay.chart import CHART, DEV, EKS, MODES, SETS, Helm, Manifest, one


@pytest.mark.parametrize("name", SETS)
def test_lint_finds_nothing(each_helm: Helm, name: str) -> None:
    assert "0 chart(s) failed" in each_helm.run("lint", "--strict", str(CHART), *SETS[name].arguments())


def without_chance(manifests: list[Manifest]) -> list[Manifest]:
    """Without the passwords that the chart makes up for a trial."""
    return [manifest for manifest in manifests if manifest["kind"] != "Secret"]


def test_a_package_holds_the_configuration_that_the_checkout_links_to(each_helm: Helm, tmp_path: Path) -> None:
    each_helm.run("package", str(CHART), "--destination", str(tmp_path))
    (package,) = tmp_path.glob("*.tgz")
    assert each_helm.template(EKS, chart=package) == each_helm.template(EKS)


@pytest.mark.parametrize("name", SETS)
def test_both_versions_render_the_same(tmp_path: Path, name: str) -> None:
    third, fourth = (without_chance(Helm(major, tmp_path).template(SETS[name])) for major in (3, 4))
    assert sorted(map(str, third)) == sorted(map(str, fourth))


KINDS: dict[str, set[str]] = {
    "alb": {"Ingress"},
    "gateway": {"Gateway", "HTTPRoute"},
    "emissary": {"Listener", "Host", "Mapping"},
    "none": set(),
}


@pytest.mark.parametrize("mode", MODES)
def test_an_ingress_mode_brings_its_own_objects_alone(helm: Helm, mode: str) -> None:
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


def test_the_spool_outlives_the_release(rendered) -> None:
    claim = one(rendered("eks-alb"), "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"], "the workers of all nodes share it"


def test_the_database_is_brought_up_to_date_before_anything_runs(rendered) -> None:
    """But on a trial, where the release brings the database."""
    hooks = {
        name: one(rendered(name), "Job")["metadata"]["annotations"]["helm.sh/hook"].split(",")
        for name in ("dev", "eks-alb")
    }
    assert hooks == {"dev": ["post-install", "pre-upgrade"], "eks-alb": ["pre-install", "pre-upgrade"]}
    job = one(rendered("eks-alb"), "Job")["spec"]
    assert job["activeDeadlineSeconds"] > 0
    assert job["template"]["spec"]["containers"][0]["command"] == ["raylens", "db", "upgrade"]


def test_the_notes_say_where_it_answers(helm: Helm, tmp_path: Path) -> None:
    notes = helm.run("install", "raylens", str(CHART), "--dry-run=client", *EKS.arguments())
    assert "https://raylens.example.org" in notes
    assert "service/raylens-serve-svc 8000:8000" in notes
    assert "go with" not in notes
    assert "go with their pod" in helm.run("install", "raylens", str(CHART), "--dry-run=client", *DEV.arguments())
