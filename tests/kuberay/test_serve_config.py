"""``serveConfigV2`` is config/serve.yaml with the overrides of the values."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import DeploymentSchema, RayActorOptionsSchema, ServeDeploySchema

from models.custom.names import model_name
from serve_app.cluster.serve_config import default_path, fit
from serve_app.config import BuildArguments
from tests.kuberay.chart import CHART, DEV, EKS, Helm, Manifest, Values, environment, one, pods

KEYS = {
    "document": {"proxy_location", "http_options", "applications"},
    "application": {
        "name", "route_prefix", "import_path", "autoscaling_policy", "logging_config", "args", "deployments",
    },
}  # fmt: skip


def serve_config(manifests: list[Manifest]) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(one(manifests, "RayService")["spec"]["serveConfigV2"])
    return document


def deployments(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {deployment["name"]: deployment for deployment in document["applications"][0]["deployments"]}


@pytest.fixture(scope="session")
def original() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(default_path().read_text())
    return document


def test_equals_the_file_without_overrides(each_helm: Helm, original: dict[str, Any]) -> None:
    assert serve_config(each_helm.template(DEV)) == original


def test_matches_the_schemas_of_ray_serve_and_raylens(manifests: list[Manifest]) -> None:
    """Ray accepts unknown keys, so they are checked here."""
    document = serve_config(manifests)
    ServeDeploySchema.model_validate(document)
    (application,) = document["applications"]
    BuildArguments.model_validate(application["args"])
    assert set(document) == KEYS["document"]
    assert set(application) == KEYS["application"]
    for deployment in application["deployments"]:
        assert set(deployment) <= set(DeploymentSchema.model_fields)
        assert set(deployment.get("autoscaling_config", {})) <= set(AutoscalingConfig.model_fields)
        assert set(deployment["ray_actor_options"]) <= set(RayActorOptionsSchema.model_fields)


def test_address_that_kuberay_expects(manifests: list[Manifest]) -> None:
    options = ServeDeploySchema.model_validate(serve_config(manifests)).http_options
    assert (options.host, options.port) == ("0.0.0.0", 8000)


def test_overrides(helm: Helm, original: dict[str, Any]) -> None:
    values = DEV.having(
        serve__args__queue__max_waiting=512,
        serve__autoscaling__images_per_classifier=60,
        serve__deployments__Classifier__autoscaling_config__max_replicas=16,
        serve__deployments__Classifier__ray_actor_options__num_cpus=1.5,
        serve__deployments__Results__num_replicas=2,
    )
    (application,) = original["applications"]
    application["args"]["queue"]["max_waiting"] = 512
    application["autoscaling_policy"]["policy_kwargs"]["images_per_classifier"] = 60
    changed = deployments(original)
    changed["Classifier"]["autoscaling_config"]["max_replicas"] = 16
    changed["Classifier"]["ray_actor_options"]["num_cpus"] = 1.5
    changed["Results"]["num_replicas"] = 2
    assert serve_config(helm.template(values)) == original


def test_each_further_model_gets_a_classifier_as_in_raylens_serve(helm: Helm) -> None:
    models = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
    document = serve_config(helm.template(DEV.having(models=models)))
    fitted = fit(yaml.safe_load(default_path().read_text()), {name: name for name in models}, "0.0.0.0", 8000)
    assert document["applications"] == fitted["applications"]


def test_model_files_get_a_classifier_with_their_name(helm: Helm) -> None:
    models = {"first": "/models/First.keras", "my-pets-2": "/models/My Pets (2).keras", "x.v1": "/models/X.v1.H5"}
    document = serve_config(helm.template(DEV.having(models=tuple(models.values()))))
    fitted = fit(yaml.safe_load(default_path().read_text()), models, "0.0.0.0", 8000)
    assert document["applications"] == fitted["applications"]
    assert [model_name(Path(path).stem) for path in models.values()] == list(models)


def test_override_for_the_classifier_of_one_model(helm: Helm) -> None:
    models = ["efficientnet-lite0", "efficientnet-lite1"]
    values = DEV.having(models=models)
    single = {**values.single, "serve.deployments.Classifier-efficientnet-lite1.autoscaling_config.max_replicas": 7}
    named = deployments(serve_config(helm.template(Values(values.files, single))))
    most = {name: named[name]["autoscaling_config"]["max_replicas"] for name in named if name.startswith("Classifier")}
    assert most == {"Classifier": 4, "Classifier-efficientnet-lite1": 7}


def test_the_schema_allows_only_rays_keys() -> None:
    definition = yaml.safe_load((CHART / "values.schema.json").read_text())["definitions"]["deployment"]["properties"]
    assert set(definition) <= set(DeploymentSchema.model_fields)
    assert set(definition["autoscaling_config"]["properties"]) <= set(AutoscalingConfig.model_fields)
    assert set(definition["ray_actor_options"]["properties"]) <= set(RayActorOptionsSchema.model_fields)


def test_the_largest_replica_fits_on_a_worker(helm: Helm) -> None:
    """Otherwise it would never start."""
    for values in (DEV, EKS):
        manifests = helm.template(values)
        (group,) = one(manifests, "RayService")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
        cpus = int(group["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"])
        for deployment in serve_config(manifests)["applications"][0]["deployments"]:
            assert deployment["ray_actor_options"]["num_cpus"] <= cpus


def test_all_replicas_and_one_of_a_new_version_fit_on_the_workers(helm: Helm) -> None:
    """Otherwise a new version would wait until the load decreases."""
    for values in (DEV, EKS):
        manifests = helm.template(values)
        (group,) = one(manifests, "RayService")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
        cpus = int(group["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"]) * group["maxReplicas"]
        all_deployments = serve_config(manifests)["applications"][0]["deployments"]
        largest = max(deployment["ray_actor_options"]["num_cpus"] for deployment in all_deployments)
        assert sum(map(most_cpus, all_deployments)) + largest <= cpus


def test_a_new_version_starts_before_the_old_one_stops(manifests: list[Manifest]) -> None:
    for deployment in serve_config(manifests)["applications"][0]["deployments"]:
        assert deployment["max_surge_percent"] > 0, deployment["name"]


def test_an_ingress_survives_the_loss_of_a_worker(helm: Helm) -> None:
    manifests = helm.template(EKS)
    ingress = deployments(serve_config(manifests))["Ingress"]
    (group,) = one(manifests, "RayService")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    assert ingress["autoscaling_config"]["min_replicas"] > ingress["max_replicas_per_node"]
    assert ingress["autoscaling_config"]["max_replicas"] < group["maxReplicas"], "a new version needs one more worker"


def test_an_ingress_shuts_down_after_the_longest_request(manifests: list[Manifest]) -> None:
    document = serve_config(manifests)
    longest_s = document["applications"][0]["args"]["limits"]["request_timeout_s"]
    draining_s = float(environment(pods(manifests)["workers"])["RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"])
    assert deployments(document)["Ingress"]["graceful_shutdown_timeout_s"] >= draining_s + longest_s


def most_cpus(deployment: dict[str, Any]) -> float:
    scaling = deployment.get("autoscaling_config", {})
    replicas = scaling.get("max_replicas", deployment.get("num_replicas", 1))
    return float(replicas * deployment["ray_actor_options"]["num_cpus"])
