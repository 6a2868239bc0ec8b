"""The chart's life with real Helm 3 and 4: what is in the cluster after each step."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.apiserver.terminal import Outcome, Terminal
from tests.kuberay.apiserver.workloads import JobPlan
from tests.kuberay.chart import DEV, EKS, Manifest


@pytest.fixture(params=[3, 4], ids=["helm3", "helm4"])
def terminal(request: pytest.FixtureRequest, api_server: ApiServer, tmp_path: Path) -> Terminal:
    return Terminal(api_server, request.param, tmp_path)


def succeeded(outcome: Outcome) -> str:
    assert outcome.code == 0, outcome.text
    return outcome.output


def failed(outcome: Outcome) -> str:
    assert outcome.code == 1, outcome.text
    return outcome.text


def get(server: ApiServer, kind: str, name: str) -> Manifest:
    found = server.store.get(kind, "vision", name)
    assert found
    return found


def history(terminal: Terminal) -> list[tuple[int, str]]:
    revisions: list[dict[str, Any]] = json.loads(succeeded(terminal.helm("history", "raylens", "--output", "json")))
    return [(row["revision"], row["status"]) for row in revisions]


def first_write(server: ApiServer, plural: str) -> int:
    """Index of the first request that writes a kind."""
    return next(n for n, (method, url) in enumerate(server.requests) if f"/{plural}" in url and method != "GET")


def test_a_release_on_eks(terminal: Terminal, api_server: ApiServer) -> None:
    """Install, change in place, rollback, failed upgrade, uninstall."""
    succeeded(terminal.install(EKS))
    assert first_write(api_server, "jobs") < first_write(api_server, "rayservices"), "the migration runs first"
    assert api_server.store.get("Job", "vision", "raylens-migration") is None, "deleted after its success"
    api_server.operator.settle()
    first = get(api_server, "RayService", "raylens")["status"]["activeServiceStatus"]["rayClusterName"]

    succeeded(terminal.upgrade(EKS.having(serve__deployments__Classifier__autoscaling_config__max_replicas=7)))
    api_server.operator.settle()
    second = get(api_server, "RayService", "raylens")
    assert second["metadata"]["generation"] == second["status"]["observedGeneration"] == 2
    assert second["status"]["activeServiceStatus"]["rayClusterName"] == first, "Serve's configuration changes in place"

    succeeded(terminal.helm("rollback", "raylens", "1", "--timeout", "20s"))
    third = get(api_server, "RayService", "raylens")
    assert third["spec"]["serveConfigV2"] != second["spec"]["serveConfigV2"]

    api_server.workloads.job_plan = JobPlan(succeed=False, log="Can't locate revision identified by '1d3f'\n")
    text = failed(terminal.upgrade(EKS.having(image__tag="next", migration__backoffLimit=1)))
    assert "pre-upgrade hooks failed" in text
    assert get(api_server, "RayService", "raylens") == third, "the running release is unchanged"
    assert get(api_server, "Job", "raylens-migration")["status"]["failed"] == 2
    assert history(terminal) == [(1, "superseded"), (2, "superseded"), (3, "deployed"), (4, "failed")]
    api_server.workloads.job_plan = JobPlan()

    succeeded(terminal.helm("uninstall", "raylens"))
    assert api_server.store.list("RayService") == []
    api_server.settle()
    assert api_server.store.list("RayCluster") == [], "KubeRay has cleaned Redis and removed its finalizer"
    assert [claim["metadata"]["name"] for claim in api_server.store.list("PersistentVolumeClaim")] == ["raylens-spool"]


def test_a_trial(terminal: Terminal, api_server: ApiServer) -> None:
    """The release contains the database: it is migrated afterwards, and an upgrade keeps the passwords."""
    succeeded(terminal.install(DEV))
    assert first_write(api_server, "jobs") > first_write(api_server, "deployments")
    secret = get(api_server, "Secret", "raylens-dev")
    assert set(secret["data"]) >= {"MYSQL_PASSWORD", "RAYLENS_SECRET_KEY"}
    succeeded(terminal.upgrade(DEV))
    assert get(api_server, "Secret", "raylens-dev")["data"] == secret["data"]


def test_a_migration_that_hangs_ends_at_its_deadline(api_server: ApiServer, tmp_path: Path) -> None:
    api_server.workloads.job_plan = JobPlan(hang=True)
    terminal = Terminal(api_server, 4, tmp_path)
    assert "pre-install" in failed(terminal.install(EKS.having(migration__deadlineSeconds=1)))
    conditions = get(api_server, "Job", "raylens-migration")["status"]["conditions"]
    assert conditions[-1]["reason"] == "DeadlineExceeded"
    assert api_server.store.list("RayService") == []
