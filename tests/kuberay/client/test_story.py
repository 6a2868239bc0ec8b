"""The life of a release, with each Helm: deploy, scale, failed upgrade, rollback, delete."""

import pytest

from tests.kuberay.client.raylens import DEV, NAMESPACE, Raylens
from tests.kuberay.programs import bundled

DEPLOY_FAILURE = "RuntimeError: the weights of efficientnet-lite0 have another SHA-256"


@pytest.fixture(params=[3, 4], ids=["helm3", "helm4"])
def story(request: pytest.FixtureRequest, raylens: Raylens, monkeypatch: pytest.MonkeyPatch) -> Raylens:
    monkeypatch.setenv("RAYLENS_HELM", str(bundled("helm", request.param)))
    return raylens


def bounds(groups) -> tuple[int, int]:
    (group,) = groups
    return group["minReplicas"], group["maxReplicas"]


def image(raylens: Raylens) -> str:
    cluster = raylens.service()["spec"]["rayClusterConfig"]
    return str(cluster["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["image"])


def active(raylens: Raylens):
    name = raylens.service()["status"]["activeServiceStatus"]["rayClusterName"]
    return raylens.server.store.get("RayCluster", NAMESPACE, name)


def test_life_of_a_release(story: Raylens) -> None:
    deploy_and_show_status(story)
    scale_with_conflicts(story)
    fail_to_upgrade_and_roll_back(story)
    delete(story)


def deploy_and_show_status(story: Raylens) -> None:
    installed = story.run("deploy", *DEV, "--set", "spool.persistent=true", "--json")
    assert installed.code == 0, installed.err
    assert installed.json["revision"] == 1
    assert "head 1/1" in installed.err
    assert story.run("wait", "--json").json == {"release": "raylens", "namespace": NAMESPACE, "waited": True}
    status = story.run("status", "--json")
    assert status.code == 0, status.out
    assert status.json["state"] == "ready"
    (application,) = status.json["service"]["active"]["applications"]
    assert {deployment["status"] for deployment in application["deployments"]} == {"HEALTHY"}
    assert {pod["component"] for pod in status.json["pods"]} >= {"head", "worker"}


def scale_with_conflicts(story: Raylens) -> None:
    first = active(story)["metadata"]["name"]
    story.server.fail_next("PATCH", "rayclusters", 409, times=3)
    scaled = story.run("scale", "--min", "3", "--max", "6")
    assert scaled.code == 0, scaled.err
    assert bounds(active(story)["spec"]["workerGroupSpecs"]) == (3, 6)
    status = active(story)["status"]
    assert (status["availableWorkerReplicas"], status["readyWorkerReplicas"]) == (3, 2), "the third has no replicas"
    assert active(story)["metadata"]["name"] == first, "the cluster is not replaced"


def fail_to_upgrade_and_roll_back(story: Raylens) -> None:
    story.server.operator.serve.deploy_failure = DEPLOY_FAILURE
    failed = story.run("deploy", "--image", "registry.example.org/raylens:9.9.9")
    assert failed.code == 10
    assert DEPLOY_FAILURE in failed.err
    assert "the previous cluster continues to serve" in failed.err
    assert "raylens rollback" in failed.err
    assert bounds(story.service()["spec"]["rayClusterConfig"]["workerGroupSpecs"]) == (3, 6), (
        "the upgrade keeps the bounds of scale"
    )
    assert story.run("status").code == 10
    story.server.operator.serve.deploy_failure = ""
    back = story.run("rollback", "--json")
    assert back.code == 0, back.err
    assert back.json["revision"] == 4
    assert not image(story).endswith("9.9.9")


def delete(story: Raylens) -> None:
    deleted = story.run("delete", "--yes", "--json")
    assert deleted.code == 0, deleted.err
    assert deleted.json["kept"] == ["raylens-spool"]
    assert story.objects("RayService") == story.objects("RayCluster") == []
    assert story.run("status").code == 5
    assert story.run("delete", "--yes").code == 5
