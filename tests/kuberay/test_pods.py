"""Pods meet Kubernetes' restricted standard, and have their settings and volumes."""

from typing import Any

import pytest
import yaml

from serve_app.settings import Settings
from tests.kuberay.chart import CHART, DEV, EKS, Helm, Manifest, environment, one, pods

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "privileged": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
}
SECRET = {"RAYLENS_DATABASE_URL", "RAYLENS_REDIS_URL", "RAYLENS_SECRET_KEY", "RAYLENS_PROVIDERS"}
NOT_OF_THE_CHART = {
    "RAYLENS_HOST",
    "RAYLENS_PORT",
    "RAYLENS_DATA_DIR",
    "RAYLENS_MODELS",
    "RAYLENS_CACHE_SIZE_MIB",
    "RAYLENS_METRICS_PORT",
    "RAYLENS_TRACING",
}
"""Set by the image, by KubeRay, or in a section of their own; and the cache that Redis replaces."""


def name_of(setting: str) -> str:
    return f"RAYLENS_{setting.upper()}"


def test_security_context(manifests: list[Manifest]) -> None:
    for name, pod in pods(manifests).items():
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == RESTRICTED, name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert {"cpu", "memory"} <= set(container["resources"]["limits"]), name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod["spec"]), name
        assert all("hostPath" not in volume for volume in pod["spec"]["volumes"]), name


def test_only_the_head_may_use_the_kubernetes_api(manifests: list[Manifest]) -> None:
    """Its autoscaler does; KubeRay binds the Role."""
    mounted = {name for name, pod in pods(manifests).items() if pod["spec"]["automountServiceAccountToken"]}
    assert mounted == {"head"}
    accounts = {m["metadata"]["name"]: m for m in manifests if m["kind"] == "ServiceAccount"}
    for pod in (pods(manifests)["head"], pods(manifests)["workers"]):
        assert pod["spec"]["serviceAccountName"] in accounts


def test_writable_volumes_are_bounded(manifests: list[Manifest]) -> None:
    for name in ("head", "workers"):
        spec = pods(manifests)[name]["spec"]
        mounted = {mount["mountPath"]: mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        assert {"/tmp", "/tmp/ray", "/dev/shm"} <= set(mounted)
        assert set(mounted.values()) == set(volumes)
        for volume in volumes.values():
            assert "persistentVolumeClaim" in volume or volume["emptyDir"]["sizeLimit"], volume["name"]


def test_volume_names_that_kuberay_expects(manifests: list[Manifest]) -> None:
    """It also mounts ``ray-logs`` into the autoscaler, and adds ``shared-mem`` if /dev/shm is not mounted."""
    for name in ("head", "workers"):
        mounts = {m["mountPath"]: m["name"] for m in pods(manifests)[name]["spec"]["containers"][0]["volumeMounts"]}
        assert mounts["/tmp/ray"] == "ray-logs"
        assert mounts["/dev/shm"] == "shared-mem"


def test_workers_share_the_spool(rendered) -> None:
    spec = pods(rendered("eks-alb"))["workers"]["spec"]
    (spool,) = (volume for volume in spec["volumes"] if volume["name"] == "spool")
    assert spool["persistentVolumeClaim"]["claimName"] == "raylens-spool"
    (mount,) = (mount for mount in spec["containers"][0]["volumeMounts"] if mount["name"] == "spool")
    assert mount["mountPath"] == str(Settings(data_dir="/var/lib/raylens").spool_dir)


def test_secret_settings_come_from_the_secret(manifests: list[Manifest]) -> None:
    for name, pod in pods(manifests).items():
        for variable, value in environment(pod).items():
            if variable in SECRET:
                assert value["secretKeyRef"]["key"] == variable, name
    variables = environment(pods(manifests)["workers"])
    assert set(variables) >= SECRET
    assert variables["RAYLENS_PROVIDERS"]["secretKeyRef"]["optional"] is True


def test_the_secret_of_a_trial_has_every_key(rendered) -> None:
    manifests = rendered("dev")
    secret = one(manifests, "Secret")
    for pod in pods(manifests).values():
        for value in environment(pod).values():
            if isinstance(value, dict) and not value["secretKeyRef"].get("optional"):
                assert value["secretKeyRef"]["name"] == secret["metadata"]["name"]
                assert value["secretKeyRef"]["key"] in secret["stringData"]
    assert len(secret["stringData"]["RAYLENS_SECRET_KEY"]) >= 32
    assert secret["stringData"]["MYSQL_PASSWORD"] in secret["stringData"]["RAYLENS_DATABASE_URL"]
    assert secret["stringData"]["REDIS_PASSWORD"] in secret["stringData"]["RAYLENS_REDIS_URL"]


def test_values_contain_every_setting() -> None:
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())["settings"]
    known = set(map(name_of, Settings.model_fields))
    assert set(map(name_of, values)) | SECRET | NOT_OF_THE_CHART >= known
    assert set(map(name_of, values)) <= known - SECRET - NOT_OF_THE_CHART


def test_settings_in_the_environment(helm: Helm, monkeypatch: pytest.MonkeyPatch) -> None:
    values = EKS.having(
        settings__retention_days=90,
        settings__cache_ttl_s=0.5,
        settings__anonymous=False,
        settings__fetch_allowed_networks="10.1.0.0/16,10.2.0.0/16",
        settings__rate_limit_user="60/minute, 1000/day",
    )
    for name, value in environment(pods(helm.template(values))["workers"]).items():
        if isinstance(value, str):
            monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)
    assert settings.retention_days == 90
    assert settings.cache_ttl_s == 0.5
    assert settings.anonymous is False
    assert list(map(str, settings.fetch_allowed_networks)) == ["10.1.0.0/16", "10.2.0.0/16"]
    assert settings.rate_limit_user == "60/minute, 1000/day"
    assert settings.public_url == "https://raylens.example.org"
    assert settings.log_format == "json"


@pytest.mark.parametrize(("values", "hops"), [(EKS, "1"), (DEV, "0"), (EKS.having(settings__forwarded_hops=2), "2")])
def test_forwarded_hops(helm: Helm, values, hops: str) -> None:
    assert environment(pods(helm.template(values))["workers"])["RAYLENS_FORWARDED_HOPS"] == hops


@pytest.mark.parametrize("further", ["", "raylens.internal, *.example.org"])
def test_the_names_of_the_service_in_the_cluster_are_allowed(helm: Helm, further: str) -> None:
    variables = environment(pods(helm.template(EKS.having(settings__allowed_hosts=further)))["workers"])
    found = Settings(_env_file=None, allowed_hosts=variables["RAYLENS_ALLOWED_HOSTS"])
    service = "raylens-serve-svc.vision"
    in_cluster = (service, f"{service}.svc", f"{service}.svc.cluster.local")
    assert found.allowed_hosts == in_cluster + (("raylens.internal", "*.example.org") if further else ())


def test_defaults_of_settings(helm: Helm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of Raylens, except for the log format and the names of the service."""
    for name, value in environment(pods(helm.template(DEV))["workers"]).items():
        if isinstance(value, str) and name.startswith("RAYLENS_"):
            monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)
    changed = {
        name
        for name, field in Settings.model_fields.items()
        if getattr(settings, name) != field.get_default(call_default_factory=True)
    }
    assert changed == {"log_format", "allowed_hosts"}


def test_image_tag_and_digest(helm: Helm) -> None:
    digest = "sha256:" + "0" * 64
    for values, image in (
        (DEV, "raylens:0.1.0"),
        (
            DEV.having(image__repository="registry.example.org/raylens", image__tag="2"),
            "registry.example.org/raylens:2",
        ),
        (DEV.having(image__tag="2", image__digest=digest), f"raylens@{digest}"),
    ):
        manifests = helm.template(values)
        ours = {n: p for n, p in pods(manifests).items() if n in {"head", "workers", "raylens-migration"}}
        assert {pod["spec"]["containers"][0]["image"] for pod in ours.values()} == {image}
