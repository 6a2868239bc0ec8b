"""Failures are messages of a few lines, each with its exit code."""

import json
from pathlib import Path

import pytest

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.apiserver.workloads import JobPlan
from tests.kuberay.client.raylens import DEV, NAMESPACE, Raylens
from tests.servers.process import free_port


def test_values_that_the_chart_rejects(raylens: Raylens) -> None:
    ended = raylens.run("deploy", *DEV, "--set", "workers.minReplicas=1")
    assert (ended.code, ended.out) == (2, "")
    assert "workers.minReplicas" in ended.err
    assert raylens.objects("RayService") == []


def test_scale_without_bounds(raylens: Raylens) -> None:
    ended = raylens.run("scale")
    assert ended.code == 2
    assert "--min, --max" in ended.err


def test_doctor_with_rejected_values(raylens: Raylens) -> None:
    ended = raylens.run("doctor", *DEV, "--set", "workers.minReplicas=1", "--json")
    assert ended.code == 1
    (result,) = (one for one in ended.json["findings"] if one["name"] == "Values")
    assert "workers.minReplicas" in result["detail"]


def test_json(raylens: Raylens) -> None:
    ended = raylens.run("deploy", "--json")
    assert ended.code == 2
    assert ended.json["error"]["code"] == "wrong_use"
    assert "existingSecret" in ended.json["error"]["detail"]


def test_no_helm(raylens: Raylens) -> None:
    ended = raylens.run("deploy", *DEV, "--helm", "/nowhere/helm")
    assert ended.code == 15
    assert "RAYLENS_HELM" in ended.err


def test_no_cluster(raylens: Raylens) -> None:
    raylens.kubeconfig.write_text(raylens.kubeconfig.read_text().replace(raylens.server.url, _unused_url()))
    for command in ("deploy", "status", "wait", "doctor"):
        ended = raylens.run(command)
        assert ended.code == 3, command
        assert "VPN" in ended.err + ended.out


def test_no_kubeconfig(raylens: Raylens) -> None:
    ended = raylens.bare("status", "--release", "raylens", "--kubeconfig", "/nowhere/config")
    assert ended.code == 2
    assert "--kubeconfig" in ended.err


def test_no_context(raylens: Raylens) -> None:
    ended = raylens.run("wait", "--context", "elsewhere")
    assert ended.code == 2
    assert "elsewhere" in ended.err


def test_namespace_without_release(raylens: Raylens) -> None:
    ended = raylens.bare("status", "--namespace", NAMESPACE)
    assert ended.code == 2
    assert "--release" in ended.err


@pytest.mark.parametrize("command", ["status", "wait", "rollback", "scale --min 3"])
def test_no_release(raylens: Raylens, command: str) -> None:
    ended = raylens.run(*command.split(), release="another")
    assert ended.code == 5
    assert ended.err.count("\n") >= 2, "message and advice"


@pytest.mark.parametrize(("status", "code"), [(401, 4), (403, 4), (500, 3), (503, 3)])
def test_error_responses(raylens: Raylens, status: int, code: int) -> None:
    raylens.server.fail_next("GET", "rayservices", status)
    assert raylens.run("status").code == code


def test_a_response_that_is_not_json(raylens: Raylens) -> None:
    raylens.server.fail_next("GET", "rayservices", 200)
    ended = raylens.run("status")
    assert (ended.code, ended.out) == (3, "")
    assert "is not that of a Kubernetes API server" in ended.err
    assert ended.err.count("\n") == 2, "message and advice"


def test_kuberay_not_installed(api_server: ApiServer, tmp_path: Path) -> None:
    api_server.store.kinds.remove("ray.io", "rayservices")
    ended = Raylens(api_server, api_server.kubeconfig(tmp_path / "kubeconfig")).run("status")
    assert ended.code == 5
    assert "helm install kuberay-operator" in ended.err


def test_no_namespace(raylens: Raylens) -> None:
    ended = raylens.bare("deploy", *DEV, "--namespace", "nowhere", "--kubeconfig", str(raylens.kubeconfig))
    assert ended.code == 5
    assert "--create-namespace" in ended.err


def test_failed_migration(raylens: Raylens) -> None:
    raylens.server.workloads.job_plan = JobPlan(succeed=False, log="1\n" * 50 + "Access denied for user 'raylens'\n")
    ended = raylens.run("deploy", *DEV, "--set", "migration.backoffLimit=0")
    assert ended.code == 9
    assert "  Access denied for user 'raylens'\n" in ended.err
    assert ended.err.count("  1\n") < 20


def test_failures_of_one_release(raylens: Raylens) -> None:
    raylens.server.pods.fail("worker", "ImagePullBackOff")
    ended = raylens.run("deploy", *DEV, "--timeout", "20m")
    assert ended.code == 12
    assert "ImagePullBackOff" in ended.err
    assert "image.repository" in ended.err
    status = json.loads(raylens.run("status", "--json").out)
    assert any("ImagePullBackOff" in pod["trouble"] for pod in status["pods"])
    rejected_by_kuberay(raylens)


def rejected_by_kuberay(raylens: Raylens) -> None:
    raylens.server.pods.heal()
    raylens.server.operator.invalid = "spec.rayClusterConfig is wrong"
    ended = raylens.run("deploy", "--set", "workers.maxReplicas=5")
    assert ended.code == 7
    assert "spec.rayClusterConfig is wrong" in ended.err
    assert raylens.run("status").code == 7
    blocked_by_a_finalizer(raylens)


def blocked_by_a_finalizer(raylens: Raylens) -> None:
    raylens.server.workloads.job_plan = JobPlan(hang=True)
    unconfirmed = raylens.run("delete")
    assert (unconfirmed.code, len(raylens.objects("RayService"))) == (2, 1)
    ended = raylens.run("delete", "--yes", "--timeout", "30s")
    assert ended.code == 6
    assert "gcs-ft-redis-cleanup-finalizer" in ended.err
    assert "kubectl get jobs" in ended.err
    assert "deployment/kuberay-operator" in ended.err
    again = raylens.run("delete", "--yes", "--timeout", "10s")
    assert again.code == 6, "it waits for the earlier deletion"


def _unused_url() -> str:
    return f"http://127.0.0.1:{free_port()}"
