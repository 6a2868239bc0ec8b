"""``serveConfigV2`` is config/serve.yaml, and what the values change of it."""

from typing import Any

import pytest
import yaml
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import DeploymentSchema, RayActorOptionsSchema, ServeDeploySchema

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


def test_unchanged_it_is_the_file(each_helm: Helm, original: dict[str, Any]) -> None:
    assert serve_config(each_helm.template(DEV)) == original


def test_ray_serve_and_raylens_take_it(manifests: list[Manifest]) -> None:
    """Ray lets unknown keys pass, so they are looked for here."""
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


def test_requests_are_taken_where_kuberay_looks_for_them(manifests: list[Manifest]) -> None:
    options = ServeDeploySchema.model_validate(serve_config(manifests)).http_options
    assert (options.host, options.port) == ("0.0.0.0", 8000)


def test_values_change_single_lines(helm: Helm, original: dict[str, Any]) -> None:
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


def test_further_models_get_a_classifier_each_as_raylens_serve_gives_them(helm: Helm) -> None:
    models = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
    document = serve_config(helm.template(DEV.having(models=models)))
    fitted = fit(yaml.safe_load(default_path().read_text()), models, "0.0.0.0", 8000)
    assert document["applications"] == fitted["applications"]


def test_one_models_classifier_changes_alone(helm: Helm) -> None:
    models = ["efficientnet-lite0", "efficientnet-lite1"]
    values = DEV.having(models=models)
    single = {**values.single, "serve.deployments.Classifier-efficientnet-lite1.autoscaling_config.max_replicas": 7}
    named = deployments(serve_config(helm.template(Values(values.files, single))))
    most = {name: named[name]["autoscaling_config"]["max_replicas"] for name in named if name.startswith("Classifier")}
    assert most == {"Classifier": 4, "Classifier-efficientnet-lite1": 7}


def test_the_keys_of_a_deployment_that_the_schema_takes_are_rays() -> None:
    definition = yaml.safe_load((CHART / "values.schema.json").read_text())["definitions"]["deployment"]["properties"]
    assert set(definition) <= set(DeploymentSchema.model_fields)
    assert set(definition["autoscaling_config"]["properties"]) <= set(AutoscalingConfig.model_fields)
    assert set(definition["ray_actor_options"]["properties"]) <= set(RayActorOptionsSchema.model_fields)


def test_a_worker_holds_the_largest_replica(helm: Helm) -> None:
    """One that no node can hold would wait for ever."""
    for values in (DEV, EKS):
        manifests = helm.template(values)
        (group,) = one(manifests, "RayService")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
        cpus = int(group["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"])
        for deployment in serve_config(manifests)["applications"][0]["deployments"]:
            assert deployment["ray_actor_options"]["num_cpus"] <= cpus


def test_all_replicas_fit_into_all_workers_and_one_more_of_a_new_version(helm: Helm) -> None:
    """Else a new version would wait for the load to go."""
    for values in (DEV, EKS):
        manifests = helm.template(values)
        (group,) = one(manifests, "RayService")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
        cpus = int(group["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"]) * group["maxReplicas"]
        all_deployments = serve_config(manifests)["applications"][0]["deployments"]
        largest = max(deployment["ray_actor_options"]["num_cpus"] for deployment in all_deployments)
        assert sum(map(most_cpus, all_deployments)) + largest <= cpus


def test_a_new_version_starts_beside_the_old_one(manifests: list[Manifest]) -> None:
    for deployment in serve_config(manifests)["applications"][0]["deployments"]:
        assert deployment["max_surge_percent"] > 0, deployment["name"]


def test_the_loss_of_a_worker_leaves_an_ingress(helm: Helm) -> None:
    manifests = helm.template(EKS)
    ingress = deployments(serve_config(manifests))["Ingress"]
    (group,) = one(manifests, "RayService")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    assert ingress["autoscaling_config"]["min_replicas"] > ingress["max_replicas_per_node"]
    assert ingress["autoscaling_config"]["max_replicas"] < group["maxReplicas"], "none is left for a new version's"


def test_an_ingress_that_goes_answers_the_longest_request(manifests: list[Manifest]) -> None:
    document = serve_config(manifests)
    longest_s = document["applications"][0]["args"]["limits"]["request_timeout_s"]
    draining_s = float(environment(pods(manifests)["workers"])["RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"])
    assert deployments(document)["Ingress"]["graceful_shutdown_timeout_s"] >= draining_s + longest_s


def most_cpus(deployment: dict[str, Any]) -> float:
    scaling = deployment.get("autoscaling_config", {})
    replicas = scaling.get("max_replicas", deployment.get("num_replicas", 1))
    return float(replicas * deployment["ray_actor_options"]["num_cpus"])
