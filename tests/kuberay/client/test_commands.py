import json
import re
from typing import Any

import pytest
import yaml

from kuberay.cli.commands import COMMANDS
from kuberay.exit_codes import ExitCode
from tests.kuberay.client.raylens import DEV, NAMESPACE, Raylens
from tests.kuberay.client.statuses import cluster, condition, service
from tests.kuberay.programs import ROOT

DOCS = (ROOT / "docs" / "kubernetes.md").read_text()


def put(raylens: Raylens, **changed) -> None:
    """A RayService with a status, and its running cluster."""
    groups: list[dict[str, Any]] = [
        {"groupName": "small"},
        {"groupName": "workers", "minReplicas": 2, "maxReplicas": 10},
    ]
    reported: dict[str, Any] = service(**changed)
    labels = {"app.kubernetes.io/name": "raylens", "app.kubernetes.io/instance": "raylens"}
    template: dict[str, Any] = {"spec": {"containers": [{"name": "ray"}]}}
    spec: dict[str, Any] = {
        "headGroupSpec": {"rayStartParams": {}, "template": template},
        "workerGroupSpecs": [{**group, "rayStartParams": {}, "template": template} for group in groups],
    }
    manifest: dict[str, Any] = {"spec": {**reported["spec"], "rayClusterConfig": spec}, "status": reported["status"]}
    for kind, name, body in (("RayService", "raylens", manifest), ("RayCluster", "raylens-abcde", {"spec": spec})):
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
        raylens.server.store.put({"apiVersion": "ray.io/v1", "kind": kind, "metadata": metadata, **body})


def test_status(raylens: Raylens) -> None:
    put(raylens, status={"observedGeneration": 99})
    ended = raylens.run("status")
    assert ended.code == 0
    for text in ("Ready", "raylens-abcde", "2 of 2", "Classifier", "HEALTHY", "is ready."):
        assert text in ended.out


def test_status_shows_events_of_the_release(raylens: Raylens) -> None:
    put(raylens)
    for name, about in (("one", "raylens"), ("two", "unrelated")):
        metadata = {"name": name, "namespace": NAMESPACE}
        event = {
            "involvedObject": {"kind": "RayService", "name": about},
            "reason": "Reason",
            "message": f"about {about}",
        }
        raylens.server.store.put({"apiVersion": "v1", "kind": "Event", "metadata": metadata, **event})
    output = raylens.run("status").out
    assert "about raylens" in output
    assert "about unrelated" not in output


def test_status_of_a_failing_release(raylens: Raylens) -> None:
    failed = {"status": "DEPLOY_FAILED", "message": "no such model"}
    put(raylens, status={"observedGeneration": 99, "activeServiceStatus": cluster(application=failed)})
    ended = raylens.run("status")
    assert ended.code == 10
    assert "raylens in namespace vision is failing" in ended.out
    assert "no such model" in ended.out
    assert raylens.run("status", "--json").json["failure"]["code"] == "deploy_failed"


def test_render(raylens: Raylens) -> None:
    ended = raylens.bare("render", *DEV, "--image", "r.example.org/raylens:7", "--namespace", NAMESPACE)
    assert ended.code == 0, ended.err
    kinds = {manifest["kind"] for manifest in yaml.safe_load_all(ended.out) if manifest}
    assert {"RayService", "Job"} <= kinds
    assert "r.example.org/raylens:7" in ended.out
    assert raylens.server.requests == []
    assert {one["kind"] for one in json.loads(raylens.bare("render", *DEV, "--json").out)} == kinds


def test_ctrl_c(raylens: Raylens, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    put(raylens)
    monkeypatch.setattr("kuberay.release_reader.ReleaseReader.snapshot", pressed)
    ended = raylens.run("wait")
    assert ended.code == 130
    assert "The cluster continues" in ended.err


def test_exit_codes_are_documented() -> None:
    table = re.findall(r"^\| (\d+) \| (.*) \|$", DOCS, re.MULTILINE)
    assert table == [(str(code.value), code.meaning) for code in ExitCode]


def test_commands_are_documented() -> None:
    section = DOCS.partition("\n## Commands\n")[2].partition("\n## ")[0]
    for name, _, _ in COMMANDS:
        assert f"raylens {name}" in section
    assert "raylens status --release" in section


def test_status_of_an_unready_release(raylens: Raylens) -> None:
    put(raylens, status={"observedGeneration": 99, "conditions": [condition("Ready", "False", "Initializing", "soon")]})
    ended = raylens.run("status")
    assert ended.code == 1
    assert "soon" in ended.out
    assert "waiting for an endpoint (Initializing)" in ended.out
