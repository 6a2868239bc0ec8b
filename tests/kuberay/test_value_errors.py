"""Values that the chart rejects, with a message that names the value."""

import re

import pytest

from tests.kuberay.chart import CHART, DEV, EKS, Helm, RenderError, Values

UNKNOWN_KEYS = (
    "replicas",
    "workers.replicas",
    "settings.rate_limit",
    "settings.secret_key",
    "serve.deployments.Classifier.max_replicas",
    "workers.resources.limits.cpus",
)
INVALID_VALUES = {
    "ingress.mode": "nginx",
    "upgrade.type": "Recreate",
    "serve.deployments.Classifier.autoscaling_config.min_replicas": 0,
    "workers.minReplicas": 1,
    "settings.rate_limit_user": 5,
    "ingress.host": "https://raylens.example.org",
    "gcsFaultTolerance.redisAddress": "redis://:secret@host:6379",
    "image.digest": "latest",
    "tracing.endpoint": "collector:4318",
    "tracing.sampleRatio": 1.5,
}


def test_the_schema_rejects(each_helm: Helm) -> None:
    wrong = {**EKS.single, **dict.fromkeys(UNKNOWN_KEYS, 3), **INVALID_VALUES}
    with pytest.raises(RenderError, match="don't meet the specifications of the schema") as raised:
        each_helm.template(Values(EKS.files, wrong))
    lines = map(str.strip, str(raised.value).splitlines())
    errors = [schema_error(line) for line in lines if line.startswith("- ")]
    for name in UNKNOWN_KEYS:
        section, _, key = name.rpartition(".")
        assert any(path == section and re.search(rf"\b{key}\b", message) for path, message in errors), name
    assert {path for path, _ in errors} >= INVALID_VALUES.keys()


def schema_error(line: str) -> tuple[str, str]:
    """Path and message: Helm 3 writes dotted paths, Helm 4 JSON pointers."""
    path, _, message = line.removeprefix("- ").partition(": ")
    path = path.removeprefix("at ").strip("'").removeprefix("/").replace("/", ".")
    return path.removeprefix("(root)"), message


CONFLICTS = {
    "no Secret": (EKS.having(existingSecret=""), "existingSecret: name the Secret with RAYLENS_DATABASE_URL"),
    "two Secrets": (DEV.having(existingSecret="mine"), "existingSecret: dev.enabled creates a Secret"),
    "no Redis for the head": (EKS.having(gcsFaultTolerance__redisAddress=""), "gcsFaultTolerance.redisAddress"),
    "no host": (EKS.having(ingress__host=""), "ingress.host: required for ingress.mode=alb"),
    "no TLS at the gateway": (EKS.having(ingress__mode="gateway"), "ingress.gateway.tlsSecret"),
    "no TLS at Emissary": (EKS.having(ingress__mode="emissary"), "ingress.emissary.tlsSecret"),
    "minimum above maximum": (EKS.having(workers__minReplicas=11), "workers.minReplicas: is above"),
    "no worker may be drained": (EKS.having(podDisruptionBudget__minAvailable=2), "podDisruptionBudget.minAvailable"),
    "killed before it has drained": (EKS.having(drain__timeoutSeconds=90), "drain.timeoutSeconds: must be below"),
    "drain shorter than a request": (
        EKS.having(serve__args__limits__request_timeout_s=60),
        "drain.timeoutSeconds: must be above the longest request, limits.request_timeout_s = 60",
    ),
    "deleted before its requests complete": (
        EKS.having(upgrade__clusterDeletionDelaySeconds=90),
        "longest request (30 s) plus",
    ),
    "incremental upgrade without a class": (
        EKS.having(upgrade__type="NewClusterWithIncrementalUpgrade"),
        "upgrade.incremental.gatewayClassName",
    ),
    "incremental upgrade with an ingress": (
        EKS.having(upgrade__type="NewClusterWithIncrementalUpgrade", upgrade__incremental__gatewayClassName="envoy"),
        "ingress.mode: must be none",
    ),
    "long name": (EKS.having(fullnameOverride="r" * 48), "is 48 characters long, KubeRay allows 47"),
    "name starts with a digit": (EKS.having(fullnameOverride="1r"), "must start with a letter"),
    "unknown argument": (
        EKS.having(serve__args__queue__max_wating=9),
        "serve.args.queue.max_wating: config/serve.yaml has no such key; it has batches_per_classifier, client_share,",
    ),
    "unknown autoscaling key": (
        EKS.having(serve__autoscaling__images=9),
        "serve.autoscaling.images: config/serve.yaml has no such",
    ),
    "unknown deployment": (
        EKS.having(serve__deployments__Clasifier__num_replicas=2),
        "serve.deployments.Clasifier: there is no such deployment; there is Classifier, Ingress, Preprocessor, Results",
    ),
}
"""Combinations of values, and the message."""


@pytest.mark.parametrize("case", CONFLICTS)
def test_the_chart_rejects(helm: Helm, case: str) -> None:
    values, message = CONFLICTS[case]
    with pytest.raises(RenderError) as raised:
        helm.template(values)
    assert message in str(raised.value)


def test_a_name_of_47_characters(helm: Helm) -> None:
    manifests = helm.template(EKS.having(fullnameOverride="r" * 47))
    assert {manifest["metadata"]["name"][:47] for manifest in manifests} == {"r" * 47}


def test_the_chart_requires_values(helm: Helm) -> None:
    with pytest.raises(RenderError, match="existingSecret: name the Secret"):
        helm.run("template", "raylens", str(CHART))
