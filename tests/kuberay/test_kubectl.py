"""Real kubectl, of 1.31 and 1.35, at the tests' API server: what the project's scripts and readers of its docs type."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.apiserver.definitions import MISSING, known
from tests.kuberay.apiserver.terminal import Terminal
from tests.kuberay.chart import Manifest

DEPLOYMENT: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}]}]},
        },
    },
}
SERVICE: Manifest = {
    "apiVersion": "ray.io/v1",
    "kind": "RayService",
    "metadata": {"name": "raylens"},
    "spec": {
        "rayClusterConfig": {
            "headGroupSpec": {"template": {"spec": {"containers": [{"name": "head", "image": "raylens:1"}]}}},
        }
    },
}


@pytest.fixture(params=[3, 4], ids=["1.31", "1.35"])
def terminal(request: pytest.FixtureRequest, api_server: ApiServer, tmp_path: Path) -> Terminal:
    return Terminal(api_server, request.param, tmp_path)


@pytest.fixture
def newer(api_server: ApiServer, tmp_path: Path) -> Terminal:
    """1.35."""
    return Terminal(api_server, 4, tmp_path)


def containers(server: ApiServer) -> list[Any]:
    found = server.store.get("Deployment", "vision", "web")
    assert found
    listed: list[Any] = found["spec"]["template"]["spec"]["containers"]
    return listed


def with_image(image: str) -> str:
    changed = json.loads(json.dumps(DEPLOYMENT))
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return json.dumps(changed)


def test_apply_from_the_client_merges_by_name(terminal: Terminal, api_server: ApiServer) -> None:
    """Whatever another one has added to a list stays, as ``patchMergeKey`` has it."""
    assert "created" in terminal.kubectl("apply", "-f", "-", given=json.dumps(DEPLOYMENT)).text
    assert "unchanged" in terminal.kubectl("apply", "-f", "-", given=json.dumps(DEPLOYMENT)).text
    aside = {"spec": {"template": {"spec": {"containers": [{"name": "aside", "image": "aside:1"}]}}}}
    assert terminal.kubectl("patch", "deployment", "web", "--patch", json.dumps(aside)).code == 0
    assert "configured" in terminal.kubectl("apply", "-f", "-", given=with_image("web:2")).text
    assert {one["name"]: one["image"] for one in containers(api_server)} == {"web": "web:2", "aside": "aside:1"}


def test_apply_from_the_server_takes_nothing_from_others(terminal: Terminal, api_server: ApiServer) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    assert terminal.kubectl(*apply, "--field-manager=one", given=json.dumps(DEPLOYMENT)).code == 0
    refused = terminal.kubectl(*apply, "--field-manager=two", given=with_image("web:2"))
    assert refused.code == 1
    assert 'conflict with "one": .spec.template.spec.containers[name="web"].image' in refused.text
    assert terminal.kubectl(*apply, "--field-manager=two", "--force-conflicts", given=with_image("web:2")).code == 0
    assert containers(api_server)[0]["image"] == "web:2"
    wrong = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicaz": 2}}
    told = terminal.kubectl(*apply, "--field-manager=one", given=json.dumps(wrong)).text
    assert "apps/v1, Kind=Deployment): .spec.replicaz: field not declared in schema" in told


def test_unknown_fields_are_refused(newer: Terminal, api_server: ApiServer) -> None:
    wrong = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicaz": 2}}
    assert (
        'strict decoding error: unknown field "spec.replicaz"'
        in newer.kubectl("apply", "-f", "-", given=json.dumps(wrong)).text
    )
    assert api_server.store.list("Deployment") == []
    warned = newer.kubectl("apply", "--validate=warn", "-f", "-", given=json.dumps(wrong))
    assert 'Warning: unknown field "spec.replicaz"' in warned.text
    assert warned.code == 0


@pytest.mark.skipif(not known(), reason=MISSING)
def test_a_ray_service_is_held_to_its_definition(newer: Terminal) -> None:
    wrong = {**SERVICE, "spec": {**SERVICE["spec"], "rayClusterConfig": {"rayVersion": 2}}}
    told = newer.kubectl("apply", "-f", "-", given=json.dumps(wrong)).text
    assert 'The RayService "raylens" is invalid' in told
    assert "spec.rayClusterConfig.headGroupSpec: Required value" in told
    assert 'spec.rayClusterConfig.rayVersion: Invalid value: "integer"' in told
    assert "headGroupSpec" in newer.kubectl("explain", "rayservice.spec.rayClusterConfig").text


def test_waiting_for_a_condition(terminal: Terminal, api_server: ApiServer) -> None:
    api_server.store.put({**SERVICE, "metadata": {"name": "raylens", "namespace": "vision"}})
    timer = threading.Timer(0.3, api_server.run_operator)
    timer.start()
    waited = terminal.kubectl("wait", "rayservice/raylens", "--for=condition=Ready=False", "--timeout=20s")
    assert "condition met" in waited.text
    assert "raylens" in terminal.kubectl("get", "all").text, "it is of the category all"
    timer.cancel()


def test_logs(newer: Terminal, api_server: ApiServer) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "namespace": "vision"}}
    api_server.store.put({**pod, "spec": {"containers": [{"name": "main"}, {"name": "aside"}]}})
    for container in ("main", "aside"):
        api_server.pod_logs("vision", "one", f"{container}: first\n{container}: second\n", container=container)
    api_server.pod_logs("vision", "one", "before the crash\n", container="main", previous=True)
    assert newer.kubectl("logs", "one", "-c", "aside", "--tail=1").output == "aside: second\n"
    assert newer.kubectl("logs", "one", "-c", "main", "--previous").output == "before the crash\n"
    assert "previous terminated container" in newer.kubectl("logs", "one", "-c", "aside", "--previous").text
    threading.Timer(0.2, lambda: _print_and_end(api_server, pod)).start()
    followed = newer.kubectl("logs", "one", "-c", "main", "--follow")
    assert followed.output == "main: first\nmain: second\nmain: third\n"


def _print_and_end(server: ApiServer, pod: Manifest) -> None:
    server.pod_logs("vision", "one", "main: third\n", container="main")
    server.set_status("Pod", "vision", pod["metadata"]["name"], {"phase": "Succeeded"})


def test_rights(newer: Terminal, api_server: ApiServer) -> None:
    api_server.deny("delete", "rayservices", "vision")
    assert newer.kubectl("auth", "can-i", "get", "rayservices").output == "yes\n"
    assert newer.kubectl("auth", "can-i", "delete", "rayservices").text.startswith("no")
    api_server.store.put({**SERVICE, "metadata": {"name": "raylens", "namespace": "vision"}})
    told = newer.kubectl("delete", "rayservice", "raylens")
    assert 'Error from server (Forbidden): rayservices.ray.io "raylens" is forbidden' in told.text


def test_a_dry_run_leaves_nothing(newer: Terminal, api_server: ApiServer) -> None:
    told = newer.kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-", given=json.dumps(DEPLOYMENT))
    assert json.loads(told.output)["spec"]["replicas"] == 1, "with the server's defaults"
    assert api_server.store.list("Deployment") == []


def test_deleting_with_what_belongs_to_it(newer: Terminal, api_server: ApiServer) -> None:
    newer.kubectl("apply", "-f", "-", given=json.dumps(DEPLOYMENT))
    assert api_server.store.wait_for(lambda: len(api_server.store.list("Pod")) == 1, 10)
    deleted = newer.kubectl("delete", "deployment", "web", "--cascade=foreground", "--timeout=20s")
    assert deleted.code == 0, deleted.text
    assert [api_server.store.list(kind) for kind in ("Deployment", "ReplicaSet", "Pod")] == [[], [], []]


def test_a_token_is_demanded(tmp_path: Path) -> None:
    with ApiServer(("vision",), token="right") as server:
        terminal = Terminal(server, 4, tmp_path)
        assert terminal.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}").output == "raylens"
        server.revoke()
        told = terminal.kubectl("get", "pods")
        assert told.code == 1
        assert "You must be logged in to the server" in told.text
