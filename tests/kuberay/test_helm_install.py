"""The chart's life with real Helm 3 and 4: what is in the cluster after each step, and after one that fails."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.apiserver.terminal import Outcome, Terminal
from tests.kuberay.apiserver.workloads import JobPlan
from tests.kuberay.chart import DEV, EKS, Manifest

FAILS = JobPlan(succeed=False, log="Can't locate revision identified by '1d3f'\n")


@pytest.fixture(params=[3, 4], ids=["helm3", "helm4"])
def terminal(request: pytest.FixtureRequest, api_server: ApiServer, tmp_path: Path) -> Terminal:
    return Terminal(api_server, request.param, tmp_path)


@pytest.fixture
def newer(api_server: ApiServer, tmp_path: Path) -> Terminal:
    """With Helm 4."""
    return Terminal(api_server, 4, tmp_path)


def succeeded(outcome: Outcome) -> str:
    assert outcome.code == 0, outcome.text
    return outcome.output


def failed(outcome: Outcome) -> str:
    assert outcome.code == 1, outcome.text
    return outcome.text


def service(server: ApiServer) -> Manifest:
    found = server.store.get("RayService", "vision", "raylens")
    assert found
    return found


def history(terminal: Terminal) -> list[tuple[int, str]]:
    told: list[dict[str, Any]] = json.loads(succeeded(terminal.helm("history", "raylens", "--output", "json")))
    return [(row["revision"], row["status"]) for row in told]


def first_write(server: ApiServer, plural: str) -> int:
    """When something of a kind was written first, counted in requests."""
    return next(n for n, (method, url) in enumerate(server.requests) if f"/{plural}" in url and method != "GET")


def image_of(manifest: Manifest) -> str:
    image: str = manifest["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]["image"]
    return image


def test_a_release_on_eks(terminal: Terminal, api_server: ApiServer) -> None:
    """From installing to the end: the migration comes first every time, the records that wait survive the release."""
    succeeded(terminal.install(EKS))
    assert first_write(api_server, "jobs") < first_write(api_server, "rayservices")
    assert api_server.store.get("Job", "vision", "raylens-migration") is None, "it goes when it has succeeded"
    api_server.operator.settle()
    first = service(api_server)["status"]["activeServiceStatus"]["rayClusterName"]

    succeeded(terminal.upgrade(EKS.having(serve__deployments__Classifier__autoscaling_config__max_replicas=7)))
    api_server.operator.settle()
    told = service(api_server)
    assert told["metadata"]["generation"] == told["status"]["observedGeneration"] == 2
    assert told["status"]["activeServiceStatus"]["rayClusterName"] == first, "Serve's configuration changes in place"

    succeeded(terminal.upgrade(EKS.having(image__tag="next")))
    api_server.operator.settle()
    second = service(api_server)["status"]["activeServiceStatus"]["rayClusterName"]
    assert second != first
    assert image_of(service(api_server)).endswith(":next")

    succeeded(terminal.helm("rollback", "raylens", "1", "--timeout", "20s"))
    assert service(api_server)["spec"] == told["spec"] | {"serveConfigV2": service(api_server)["spec"]["serveConfigV2"]}
    assert history(terminal) == [(1, "superseded"), (2, "superseded"), (3, "superseded"), (4, "deployed")]

    succeeded(terminal.helm("uninstall", "raylens"))
    assert api_server.store.get("RayService", "vision", "raylens") is None
    waiting = api_server.store.list("RayCluster", "vision")
    assert all("deletionTimestamp" in cluster["metadata"] for cluster in waiting)
    api_server.settle()
    assert api_server.store.list("RayCluster") == [], "the operator has cleaned Redis, and let go"
    assert [claim["metadata"]["name"] for claim in api_server.store.list("PersistentVolumeClaim")] == ["raylens-spool"]
    assert api_server.store.list("Pod") == []


def test_a_trial(terminal: Terminal, api_server: ApiServer) -> None:
    """The release brings the database: it is migrated after the rest, and keeps its passwords in an upgrade."""
    succeeded(terminal.install(DEV))
    assert first_write(api_server, "jobs") > first_write(api_server, "deployments")
    secret = api_server.store.get("Secret", "vision", "raylens-dev")
    assert secret
    assert set(secret["data"]) >= {"MYSQL_PASSWORD", "RAYLENS_SECRET_KEY"}
    assert "stringData" not in secret
    succeeded(terminal.upgrade(DEV, "--wait"))
    again = api_server.store.get("Secret", "vision", "raylens-dev")
    assert again
    assert again["data"] == secret["data"]
    mysql = api_server.store.get("Deployment", "vision", "raylens-mysql")
    assert mysql
    assert mysql["status"]["readyReplicas"] == 1


def test_a_migration_that_fails_stops_the_upgrade(terminal: Terminal, api_server: ApiServer) -> None:
    succeeded(terminal.install(EKS))
    api_server.operator.settle()
    before = service(api_server)
    api_server.workloads.job_plan = FAILS
    assert "pre-upgrade hooks failed" in failed(
        terminal.upgrade(EKS.having(image__tag="next", migration__backoffLimit=1))
    )
    assert service(api_server) == before, "what runs is left as it was"
    job = api_server.store.get("Job", "vision", "raylens-migration")
    assert job
    assert (job["status"]["failed"], job["status"]["conditions"][-1]["reason"]) == (2, "BackoffLimitExceeded")
    assert history(terminal) == [(1, "deployed"), (2, "failed")]
    printed = terminal.kubectl("logs", "job/raylens-migration")
    assert FAILS.log in printed.text


def test_a_migration_that_hangs_ends_at_its_deadline(newer: Terminal, api_server: ApiServer) -> None:
    api_server.workloads.job_plan = JobPlan(hang=True)
    assert "pre-install" in failed(newer.install(EKS.having(migration__deadlineSeconds=1)))
    job = api_server.store.get("Job", "vision", "raylens-migration")
    assert job
    assert job["status"]["conditions"][-1]["reason"] == "DeadlineExceeded"
    assert api_server.store.list("RayService") == []


def test_values_that_the_schema_refuses_reach_no_server(terminal: Terminal, api_server: ApiServer) -> None:
    assert "wrokers" in failed(terminal.install(EKS.having(wrokers={"minReplicas": 3})))
    assert [request for request in api_server.requests if request[0] != "GET"] == []
    assert api_server.store.list("Secret") == []


def test_a_right_that_is_missing_is_named(newer: Terminal, api_server: ApiServer) -> None:
    api_server.deny("patch", "rayservices", "vision")
    said = 'cannot patch resource "rayservices" in API group "ray.io" in the namespace "vision"'
    assert said in failed(newer.install(EKS))


def test_an_installation_that_broke_off_is_finished_by_an_upgrade(newer: Terminal, api_server: ApiServer) -> None:
    api_server.fail_next("PATCH", r"/podmonitors", 500, "InternalError")
    assert "as a test has ordered: 500 InternalError" in failed(newer.install(EKS))
    succeeded(newer.upgrade(EKS, "--install"))
    assert api_server.store.get("PodMonitor", "vision", "raylens")
    assert history(newer)[-1] == (2, "deployed")


def test_helm_4_does_not_take_what_another_one_owns(newer: Terminal, api_server: ApiServer) -> None:
    """Whoever edits by hand what Helm has set is asked about it at the next upgrade."""
    succeeded(newer.install(EKS))
    edit = '[{"op": "replace", "path": "/spec/rayClusterConfig/workerGroupSpecs/0/maxReplicas", "value": 99}]'
    succeeded(newer.kubectl("patch", "rayservice", "raylens", "--type=json", "--patch", edit))
    assert 'conflict with "kubectl-patch" using ray.io/v1' in failed(newer.upgrade(EKS.having(workers__maxReplicas=12)))
    assert service(api_server)["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["maxReplicas"] == 99
    succeeded(newer.upgrade(EKS.having(workers__maxReplicas=12), "--force-conflicts"))
    assert service(api_server)["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["maxReplicas"] == 12


def test_helm_4_takes_a_release_of_helm_3_over(api_server: ApiServer, tmp_path: Path) -> None:
    for major in (3, 4):
        (tmp_path / str(major)).mkdir()
    older, newer = (Terminal(api_server, major, tmp_path / str(major)) for major in (3, 4))
    succeeded(older.install(EKS))
    succeeded(newer.upgrade(EKS.having(image__tag="next")))
    assert image_of(service(api_server)).endswith(":next")
    assert history(newer) == [(1, "superseded"), (2, "deployed")]
