"""The smoke script with a fake kubectl and a fake service, and with real kubectl."""

import json
import os
import shlex
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
"""kubectl's output for a ready service, by JSONPath."""

KUBECTL = f"""#!/bin/sh
'''exec' {shlex.quote(sys.executable)} -IS "$0" "$@"
' '''
import json, pathlib, sys
here = pathlib.Path(__file__).parent
if "delete" in sys.argv:
    (here / "deleted").write_text(sys.argv[sys.argv.index("pod") + 1])
else:
    (path,) = (part.partition("=")[2] for part in sys.argv if part.startswith("jsonpath="))
    print(json.loads((here / "outputs.json").read_text())[path.strip("{{}}")], end="")
"""

REPLIES = {
    "GET /api/health/ready": (200, {"status": "ready", "parts": {}}),
    "POST /api/v1/classifications": (200, {"predictions": [{"rank": 1, "label": "espresso", "probability": 0.9}]}),
    "GET /api/v1/top": (200, {"by": "label", "items": [{"label": "espresso", "classification_count": 1}]}),
}


class SmokeRun:
    """The folder, the URL and the responses of the fake service."""

    def __init__(self, folder: Path, url: str, replies: dict[str, tuple[int, object]]) -> None:
        self.folder = folder
        self.url = url
        self.replies = replies
        self.set_kubectl_outputs(UP)
        (folder / "kubectl").write_text(KUBECTL)
        (folder / "kubectl").chmod(0o755)
        (folder / "image.jpg").write_bytes(b"\xff\xd8")

    def set_kubectl_outputs(self, outputs: dict[str, str]) -> None:
        (self.folder / "outputs.json").write_text(json.dumps(outputs))

    def run(self, **environment: str) -> tuple[int, str]:
        outcome = subprocess.run(
            [str(SCRIPT), self.url, str(self.folder / "image.jpg"), "vision"],
            env={
                "HOME": str(self.folder),  # where kubectl keeps its cache
                "PATH": f"{self.folder}:{os.environ['PATH']}",
                "TIMEOUT_S": "0",
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
def smoke(tmp_path: Path) -> Iterator[SmokeRun]:
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
        yield SmokeRun(tmp_path, f"http://127.0.0.1:{server.server_port}", replies)
        server.shutdown()


def test_success(smoke: SmokeRun) -> None:
    code, output = smoke.run()
    assert code == 0, output
    assert "espresso" in output
    assert not (smoke.folder / "deleted").exists(), "it changes nothing unless DISRUPT is set"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ('.status.conditions[?(@.type=="Ready")].status', "False"),
        ('.status.conditions[?(@.type=="UpgradeInProgress")].status', "True"),
        (".status.observedGeneration", "2"),
        (".status.activeServiceStatus.applicationStatuses.raylens.status", "DEPLOYING"),
    ],
)
def test_not_ready(smoke: SmokeRun, path: str, value: str) -> None:
    smoke.set_kubectl_outputs({**UP, path: value})
    code, output = smoke.run()
    assert code == 1
    assert "FAILED: not up" in output


def test_workers_on_one_node(smoke: SmokeRun) -> None:
    smoke.set_kubectl_outputs({**UP, ".items[*].spec.nodeName": "node-a node-a"})
    code, output = smoke.run()
    assert code == 1
    assert "they are on 1" in output


@pytest.mark.parametrize(
    ("request_line", "reply", "message"),
    [
        ("GET /api/health/ready", (200, {"status": "degraded"}), "every component is ready"),
        ("POST /api/v1/classifications", (503, {}), "classification"),
        ("GET /api/v1/top", (200, {"items": []}), "the record is counted"),
    ],
)
def test_failing_service(smoke: SmokeRun, request_line: str, reply, message: str) -> None:
    smoke.replies[request_line] = reply
    code, output = smoke.run()
    assert code == 1, output
    assert message in output.splitlines()[-1]
    assert "FAILED" in output.splitlines()[-1]


def test_disruption(smoke: SmokeRun) -> None:
    code, output = smoke.run(DISRUPT="yes")
    assert code == 0, output
    assert (smoke.folder / "deleted").read_text() == "raylens-worker-1"


@pytest.fixture
def deployed(
    smoke: SmokeRun, api_server: ApiServer, rendered: Callable[[str], list[Manifest]], tmp_path: Path
) -> SmokeRun:
    """With real kubectl, and the chart's RayService on the API server."""
    api_server.store.put(one(rendered("eks-alb"), "RayService"))
    (tmp_path / "kubectl").unlink()
    (tmp_path / "kubectl").symlink_to(bundled("kubectl", 4))
    api_server.kubeconfig(tmp_path / "kubeconfig")
    return smoke


def test_real_kubectl(deployed: SmokeRun, api_server: ApiServer) -> None:
    api_server.settle()
    before = {pod["metadata"]["name"] for pod in api_server.store.list("Pod")}
    code, output = deployed.run(DISRUPT="yes", KUBECONFIG=str(deployed.folder / "kubeconfig"))
    assert code == 0, output
    assert len(before - {pod["metadata"]["name"] for pod in api_server.store.list("Pod")}) == 1


def test_not_ready_during_an_upgrade(deployed: SmokeRun, api_server: ApiServer) -> None:
    api_server.settle()
    service = api_server.store.get("RayService", "vision", "raylens")
    assert service
    service["spec"]["rayClusterConfig"]["rayVersion"] = "2.99.0"
    api_server.store.put(service)
    api_server.operator.step(4)
    code, output = deployed.run(KUBECONFIG=str(deployed.folder / "kubeconfig"))
    assert code == 1
    assert "FAILED: not up" in output


def test_usage() -> None:
    outcome = subprocess.run([str(SCRIPT), "http://127.0.0.1"], capture_output=True, text=True, check=False)
    assert outcome.returncode == 2
    assert "smoke.sh URL IMAGE" in outcome.stderr
