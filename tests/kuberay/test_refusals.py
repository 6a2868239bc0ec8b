"""What the chart does not take, and that it says why in a line that names the value."""

import pytest
import yaml

from tests.kuberay.chart import CHART, DEV, EKS, Helm, Refused, Values

UNKNOWN = {
    "a key": "replicas=3",
    "a key of a section": "workers.replicas=3",
    "a setting": "settings.rate_limit=5/minute",
    "a secret as a setting": "settings.secret_key=0123456789",
    "a key of a deployment": "serve.deployments.Classifier.max_replicas=3",
    "a resource": "workers.resources.limits.cpus=3",
    "an ingress mode": "ingress.mode=nginx",
    "a strategy": "upgrade.type=Recreate",
    "scale to zero": "serve.deployments.Classifier.autoscaling_config.min_replicas=0",
    "one worker": "workers.minReplicas=1",
    "a rate": "settings.rate_limit_user=5",
    "a host with a scheme": "ingress.host=https://raylens.example.org",
    "a password in an address": "gcsFaultTolerance.redisAddress=redis://:secret@host:6379",
    "a tag as digest": "image.digest=latest",
    "a collector without a scheme": "tracing.endpoint=collector:4318",
    "a share above all": "tracing.sampleRatio=1.5",
}
"""Values that the schema refuses."""


@pytest.mark.parametrize("what", UNKNOWN)
def test_the_schema_refuses(each_helm: Helm, what: str) -> None:
    name, value = UNKNOWN[what].split("=", 1)
    with pytest.raises(Refused) as refusal:
        each_helm.template(Values(EKS.files, {**EKS.single, name: yaml.safe_load(value)}))
    assert "don't meet the specifications of the schema" in str(refusal.value)
    named = name.rpartition(".")[2]
    assert named in str(refusal.value) or name.rpartition(".")[0].replace(".", "/") in str(refusal.value)


WRONG = {
    "no Secret": (EKS.having(existingSecret=""), "existingSecret: name the Secret with RAYLENS_DATABASE_URL"),
    "two Secrets": (DEV.having(existingSecret="mine"), "existingSecret: dev.enabled makes a Secret of its own"),
    "no Redis for the head": (EKS.having(gcsFaultTolerance__redisAddress=""), "gcsFaultTolerance.redisAddress"),
    "no host": (EKS.having(ingress__host=""), "ingress.host: ingress.mode=alb needs the name that people use"),
    "no TLS at the gateway": (EKS.having(ingress__mode="gateway"), "ingress.gateway.tlsSecret"),
    "no TLS at Emissary": (EKS.having(ingress__mode="emissary"), "ingress.emissary.tlsSecret"),
    "more workers than there may be": (EKS.having(workers__minReplicas=11), "workers.minReplicas: is above"),
    "no worker to spare": (EKS.having(podDisruptionBudget__minAvailable=2), "podDisruptionBudget.minAvailable"),
    "killed while it drains": (EKS.having(drain__timeoutSeconds=90), "drain.timeoutSeconds: must be below"),
    "drained within a request": (
        EKS.having(serve__args__limits__request_timeout_s=60),
        "drain.timeoutSeconds: must be above the longest request, limits.request_timeout_s = 60",
    ),
    "gone before its clients": (EKS.having(upgrade__clusterDeletionDelaySeconds=90), "longest request (30 s) plus"),
    "no class for the upgrade": (
        EKS.having(upgrade__type="NewClusterWithIncrementalUpgrade"),
        "upgrade.incremental.gatewayClassName",
    ),
    "two routes": (
        EKS.having(upgrade__type="NewClusterWithIncrementalUpgrade", upgrade__incremental__gatewayClassName="envoy"),
        "ingress.mode: must be none",
    ),
    "a long name": (EKS.having(fullnameOverride="r" * 48), "is 48 characters long, KubeRay takes 47"),
    "a name that starts with a digit": (EKS.having(fullnameOverride="1r"), "must start with a letter"),
    "an argument": (
        EKS.having(serve__args__queue__max_wating=9),
        "serve.args.queue.max_wating: config/serve.yaml has no such key; it has batches_per_classifier, max_batch,",
    ),
    "a target": (EKS.having(serve__autoscaling__images=9), "serve.autoscaling.images: config/serve.yaml has no such"),
    "a deployment": (
        EKS.having(serve__deployments__Clasifier__num_replicas=2),
        "serve.deployments.Clasifier: there is no such deployment; there is Classifier, Ingress, Preprocessor, Results",
    ),
}
"""Values that do not go together, and what is said."""


@pytest.mark.parametrize("what", WRONG)
def test_the_chart_refuses(helm: Helm, what: str) -> None:
    values, said = WRONG[what]
    with pytest.raises(Refused) as refusal:
        helm.template(values)
    assert said in str(refusal.value)


def test_a_name_of_47_characters_is_taken(helm: Helm) -> None:
    manifests = helm.template(EKS.having(fullnameOverride="r" * 47))
    assert {manifest["metadata"]["name"][:47] for manifest in manifests} == {"r" * 47}


def test_without_values_the_chart_says_what_it_needs(helm: Helm) -> None:
    with pytest.raises(Refused, match="existingSecret: name the Secret"):
        helm.run("template", "raylens", str(CHART))
