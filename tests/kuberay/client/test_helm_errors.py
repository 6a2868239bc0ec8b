"""Messages of Helm 3.17 and 4.1, and the errors made of them."""

import pytest

from kuberay.helm_errors import helm_error

MESSAGES = {
    "chart's own check": (
        'level=INFO msg="found symbolic link in path. Contents of linked file included and used" path=a resolved=b\n'
        "Error: execution error at (raylens/templates/rayservice.yaml:1:4): existingSecret: name the Secret with X\n\n"
        "Use --debug flag to render out invalid YAML\n",
        2,
        "The chart rejects the values: existingSecret: name the Secret with X.",
    ),
    "schema, Helm 3": (
        "walk.go:75: found symbolic link in path: a resolves to b. Contents of linked file included and used\n"
        "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nraylens:\n"
        "- (root): Additional property foo is not allowed\n- workers.minReplicas: Must be greater than 2\n\n",
        2,
        "(root): Additional property foo is not allowed; workers.minReplicas: Must be greater than 2.",
    ),
    "schema, Helm 4": (
        "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nraylens:\n"
        "- at '/workers/minReplicas': minimum: got 1, want 2\n- at '': additional properties 'foo' not allowed\n\n",
        2,
        "workers.minReplicas: minimum: got 1, want 2; values: additional properties 'foo' not allowed.",
    ),
    "file of values": ("Error: open /nope.yaml: no such file or directory\n", 2, "/nope.yaml"),
    "--set": ('Error: failed parsing --set data: key "" has no value (cannot end with ,)\n', 2, "--set data"),
    "YAML": (
        "Error: failed to parse bad.yaml: error converting YAML to JSON: yaml: line 1: did not find node content\n",
        2,
        "line 1",
    ),
    "chart": ('Error: path "/nope" not found\n', 2, "/nope"),
    "name": ('Error: release name "Raylens": invalid release name, must match regex ^[a-z0-9]\n', 2, "Raylens"),
    "context": ('Error: Kubernetes cluster unreachable: context "nope" does not exist\n', 2, "no such context"),
    "kubeconfig": (
        "Error: kubernetes cluster unreachable: stat /tmp/nofile: no such file or directory\n",
        2,
        "no such kubeconfig",
    ),
    "no API server": (
        'Error: kubernetes cluster unreachable: Get "http://127.0.0.1:9/version": dial tcp 127.0.0.1:9: connect: '
        "connection refused\n",
        3,
        "unreachable",
    ),
    "unauthorized": (
        "Error: Kubernetes cluster unreachable: the server has asked for the client to provide credentials\n",
        4,
        "Authentication failed",
    ),
    "forbidden": (
        'Error: UPGRADE FAILED: failed to create resource: rayservices.ray.io is forbidden: User "eve" cannot create '
        'resource "rayservices" in API group "ray.io" in the namespace "vision"\n',
        4,
        'User "eve" cannot create',
    ),
    "namespace": ('Error: create: failed to create: namespaces "nope" not found\n', 5, '"nope" not found'),
    "release": ("Error: release: not found\n", 5, "no such release"),
    "revision": ("Error: release has no 0.9.0 version\n", 5, "0.9.0"),
    "KubeRay": (
        'Error: unable to build kubernetes objects from release manifest: resource mapping not found for: "raylens" '
        'namespace: "vision" from "": no matches for kind "RayService" in version "ray.io/v1"\nensure CRDs are '
        "installed first\n",
        5,
        "The cluster lacks the kind RayService (ray.io/v1).",
    ),
    "in progress": (
        "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n",
        8,
        "another operation",
    ),
    "owned by another release": (
        'Error: UPGRADE FAILED: Unable to continue with update: Secret "raylens-dev" in namespace "vision" exists and '
        "cannot be imported into the current release: invalid ownership metadata\n",
        8,
        "raylens-dev",
    ),
    "server-side apply": (
        "Error: UPGRADE FAILED: conflict occurred while applying object vision/raylens ray.io/v1, Kind=RayService: "
        'Apply failed with 1 conflict: conflict with "kubectl-edit" using ray.io/v1: .spec.serveConfigV2\n',
        8,
        "kubectl-edit",
    ),
    "migration, Helm 3": (
        "Error: UPGRADE FAILED: pre-upgrade hooks failed: 1 error occurred:\n\t* job raylens-migration failed: "
        "BackoffLimitExceeded\n\n",
        9,
        "raylens-migration failed: BackoffLimitExceeded",
    ),
    "migration, Helm 4": (
        "Error: failed post-install: resource Job/vision/r2-migration not ready. status: InProgress, message: Job in "
        "progress context deadline exceeded\n",
        9,
        "Job in progress",
    ),
    "too slow": ("Error: UPGRADE FAILED: timed out waiting for the condition\n", 6, "timed out"),
    "too old": ("Error: unknown flag: --reset-then-reuse-values\n", 15, "--reset-then-reuse-values"),
    "unknown": ("Error: UPGRADE FAILED: the moon is full\n", 1, "Helm failed: the moon is full"),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_error(case: str):
    text, code, message = MESSAGES[case]
    error = helm_error(text)
    assert error.code == code
    assert message in error.message
    assert "\n" not in error.message
    assert error.advice


def test_advice_for_a_missing_kind():
    def advice(kind: str, version: str) -> str:
        return helm_error(f'Error: no matches for kind "{kind}" in version "{version}"').advice

    assert "kuberay-operator" in advice("RayService", "ray.io/v1")
    assert "monitoring.enabled=false" in advice("PodMonitor", "monitoring.coreos.com/v1")
    assert "Emissary" in advice("Mapping", "getambassador.io/v3alpha1")
    assert "example.org/v1" in advice("Thing", "example.org/v1")


def test_long_messages_are_shortened():
    assert len(helm_error("Error: " + "x" * 5000).message) < 700
