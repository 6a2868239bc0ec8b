"""The smoke script, on a kubectl that answers from a table and a service that answers what it is told."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.kuberay.apiserver import ApiServer
from tests.kuberay.chart import Manifest, one
from tests.kuberay.programs import ROOT, bundled

SCRIPT = ROOT / "kuberay" / "eks" / "smoke.sh"

UP = {
    '.status.conditions[?(@.type=="Ready")].status': "True",
    '.status.conditions[?(@.type=="UpgradeInProgress")].status': "False",
    ".status.observedGeneration": "3",
    ".metadata.generation": "3",
    ".status.activeServiceStatus.applicationStatuses.raylens.status": "RUNNING",
    ".items[*].spec.nodeName": "node-a node-b node-a",
    ".items[0].metadata.name": "raylens-worker-1",
}
"""What kubectl tells of a service that is up, by JSONPath."""

KUBECTL = f"""#!{sys.executable} -IS
import json, pathlib, sys
here = pathlib.Path(__file__).parent
if "delete" in sys.argv:
    (here / "deleted").write_text(sys.argv[sys.argv.index("pod") + 1])
else:
    (path,) = (part.partition("=")[2] for part in sys.argv if part.startswith("jsonpath="))
    print(json.loads((here / "answers.json").read_text())[path.strip("{{}}")], end="")
"""

REPLIES = {
    "GET /api/health/ready": (200, {"status": "ready", "parts": {}}),
    "POST /api/v1/classifications": (200, {"predictions": [{"rank": 1, "label": "espresso", "probability": 0.9}]}),
    "GET /api/v1/top": (200, {"by": "label", "items": [{"label": "espresso", "classification_count": 1}]}),
}


class Stage:
    """Where the script runs."""

    def __init__(self, folder: Path, url: str, replies: dict[str, tuple[int, object]]) -> None:
        self.folder = folder
        self.url = url
        self.replies = replies
        self.kubernetes(UP)
        (folder / "kubectl").write_text(KUBECTL)
        (folder / "kubectl").chmod(0o755)
        (folder / "image.jpg").write_bytes(b"\xff\xd8")

    def kubernetes(self, answers: dict[str, str]) -> None:
        (self.folder / "answers.json").write_text(json.dumps(answers))

    def run(self, **environment: str) -> tuple[int, str]:
        outcome = subprocess.run(
            [str(SCRIPT), self.url, str(self.folder / "image.jpg"), "vision"],
            env={
                "HOME": str(self.folder),  # where kubectl keeps its cache
                "PATH": f"{self.folder}:{os.environ['PATH']}",
                "TIMEOUT_S": "1",
                "PAUSE_S": "0.1",
                "DISRUPT_S": "1",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return outcome.returncode, outcome.stdout


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    replies: dict[str, tuple[int, object]] = dict(REPLIES)

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, body = replies[f"{self.command} {self.path.partition('?')[0]}"]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body, separators=(",", ":")).encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Stage(tmp_path, f"http://127.0.0.1:{server.server_port}", replies)
        server.shutdown()


def test_all_is_well(stage: Stage) -> None:
    code, said = stage.run()
    assert code == 0, said
    assert "espresso" in said
    assert not (stage.folder / "deleted").exists(), "it changes nothing unless told to"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ('.status.conditions[?(@.type=="Ready")].status', "False"),
        ('.status.conditions[?(@.type=="UpgradeInProgress")].status', "True"),
        (".status.observedGeneration", "2"),
        (".status.activeServiceStatus.applicationStatuses.raylens.status", "DEPLOYING"),
    ],
)
def test_a_service_that_is_not_up(stage: Stage, path: str, value: str) -> None:
    stage.kubernetes({**UP, path: value})
    code, said = stage.run()
    assert code == 1
    assert "FAILED: not up" in said


def test_workers_on_one_node(stage: Stage) -> None:
    stage.kubernetes({**UP, ".items[*].spec.nodeName": "node-a node-a"})
    code, said = stage.run()
    assert code == 1
    assert "they are on 1" in said


@pytest.mark.parametrize(
    ("request_line", "reply", "told"),
    [
        ("GET /api/health/ready", (200, {"status": "degraded"}), "every part is ready"),
        ("POST /api/v1/classifications", (503, {}), "an image is classified"),
        ("GET /api/v1/top", (200, {"items": []}), "and counted"),
    ],
)
def test_a_service_that_does_not_work(stage: Stage, request_line: str, reply, told: str) -> None:
    stage.replies[request_line] = reply
    code, said = stage.run()
    assert code == 1, said
    assert told in said.splitlines()[-1]
    assert "FAILED" in said.splitlines()[-1]


def test_a_disruption_is_counted(stage: Stage) -> None:
    code, said = stage.run(DISRUPT="yes")
    assert code == 0, said
    assert (stage.folder / "deleted").read_text() == "raylens-worker-1"


@pytest.fixture
def deployed(stage: Stage, api_server: ApiServer, rendered: Callable[[str], list[Manifest]], tmp_path: Path) -> Stage:
    """With a real kubectl, and KubeRay at work on the chart's RayService."""
    api_server.store.put(one(rendered("eks-alb"), "RayService"))
    (tmp_path / "kubectl").unlink()
    (tmp_path / "kubectl").symlink_to(bundled("kubectl", 4))
    api_server.kubeconfig(tmp_path / "kubeconfig")
    return stage


def test_what_it_asks_is_what_kubernetes_answers(deployed: Stage, api_server: ApiServer) -> None:
    """The table above says what the author believed of kubectl and KubeRay."""
    api_server.settle()
    before = {pod["metadata"]["name"] for pod in api_server.store.list("Pod")}
    code, said = deployed.run(DISRUPT="yes", KUBECONFIG=str(deployed.folder / "kubeconfig"))
    assert code == 0, said
    assert len(before - {pod["metadata"]["name"] for pod in api_server.store.list("Pod")}) == 1


def test_an_upgrade_that_is_under_way_is_not_up(deployed: Stage, api_server: ApiServer) -> None:
    api_server.settle()
    service = api_server.store.get("RayService", "vision", "raylens")
    assert service
    service["spec"]["rayClusterConfig"]["rayVersion"] = "2.99.0"
    api_server.store.put(service)
    api_server.operator.step(4)
    code, said = deployed.run(KUBECONFIG=str(deployed.folder / "kubeconfig"))
    assert code == 1
    assert "FAILED: not up" in said


def test_wrong_use_shows_the_usage() -> None:
    outcome = subprocess.run([str(SCRIPT), "http://127.0.0.1"], capture_output=True, text=True, check=False)
    assert outcome.returncode == 2
    assert "smoke.sh URL IMAGE" in outcome.stderr
