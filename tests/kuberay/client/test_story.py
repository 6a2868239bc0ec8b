"""What a person does with a release from its first day to its last, with each Helm."""

import pytest

from tests.kuberay.client.raylens import DEV, NAMESPACE, Raylens
from tests.kuberay.programs import bundled

BROKEN = "RuntimeError: the weights of efficientnet-lite0 have another SHA-256"


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


def test_from_the_first_day_to_the_last(story: Raylens) -> None:
    installs_and_looks(story)
    scales_while_others_write(story)
    upgrades_in_vain_and_goes_back(story)
    takes_it_away(story)


def installs_and_looks(story: Raylens) -> None:
    installed = story.run("deploy", *DEV, "--set", "spool.persistent=true", "--json")
    assert installed.code == 0, installed.err
    assert installed.json["revision"] == 1
    assert "head 1/1" in installed.err
    status = story.run("status", "--json")
    assert status.code == 0, status.out
    assert status.json["state"] == "ready"
    (application,) = status.json["service"]["active"]["applications"]
    assert {deployment["status"] for deployment in application["deployments"]} == {"HEALTHY"}
    assert {pod["component"] for pod in status.json["pods"]} >= {"head", "worker"}


def scales_while_others_write(story: Raylens) -> None:
    first = active(story)["metadata"]["name"]
    story.server.fail_next("PATCH", "rayclusters", 409, times=3)
    scaled = story.run("scale", "--min", "3", "--max", "6")
    assert scaled.code == 0, scaled.err
    assert bounds(active(story)["spec"]["workerGroupSpecs"]) == (3, 6)
    status = active(story)["status"]
    assert (status["availableWorkerReplicas"], status["readyWorkerReplicas"]) == (3, 2), "the third has no replicas"
    assert active(story)["metadata"]["name"] == first, "no new cluster for that"


def upgrades_in_vain_and_goes_back(story: Raylens) -> None:
    story.server.operator.serve.deploy_failure = BROKEN
    broken = story.run("deploy", "--image", "registry.example.org/raylens:9.9.9")
    assert broken.code == 10
    assert BROKEN in broken.err
    assert "the previous cluster continues to serve" in broken.err
    assert "raylens rollback" in broken.err
    assert bounds(story.service()["spec"]["rayClusterConfig"]["workerGroupSpecs"]) == (3, 6), "as it was scaled"
    assert story.run("status").code == 10
    story.server.operator.serve.deploy_failure = ""
    back = story.run("rollback", "--json")
    assert back.code == 0, back.err
    assert back.json["revision"] == 4
    assert not image(story).endswith("9.9.9")


def takes_it_away(story: Raylens) -> None:
    gone = story.run("delete", "--yes", "--json")
    assert gone.code == 0, gone.err
    assert gone.json["kept"] == ["raylens-spool"]
    assert story.objects("RayService") == story.objects("RayCluster") == []
    assert story.run("status").code == 5
    assert story.run("delete", "--yes").code == 5
