"""Does on this machine what KubeRay does with a RayService: a head, workers, the Serve configuration over HTTP."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self

import httpx
import yaml

from tests.chaos.cluster.nodes import Node
from tests.kuberay.chart import Manifest, environment, one, pods
from tests.servers.process import free_port
from tests.service import SHARED_DATA, inherited_environment
from tests.source_files import ROOT

TOKEN: Final = "0123456789" * 4
WORKER_CPUS: Final = 4
LIMIT_S: Final = 150.0
"""For every wait; long, because the machine may be busy."""

Document = dict[str, Any]


class RayService:
    """Context manager. The head has no CPUs and receives no requests; workers are added explicitly."""

    def __init__(self, manifests: list[Manifest], folder: Path, settings: Mapping[str, str], redis: str = "") -> None:
        """``settings``: replace the Secret and the image's settings. ``redis``: host and port of the head's Redis."""
        self.folder = folder
        self._cluster = one(manifests, "RayService")["spec"]["rayClusterConfig"]
        self.document: Document = yaml.safe_load(one(manifests, "RayService")["spec"]["serveConfigV2"])
        self.document["http_options"]["port"] = free_port()
        self._short = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # the length of socket paths is limited
        self._gcs, self._dashboard, self._client = free_port(), free_port(), free_port()
        rendered = environment(pods(manifests)["workers"])
        self._environment = {
            **inherited_environment(),
            **{name: text for name, text in rendered.items() if isinstance(text, str)},
            **self._of_this_machine(),
            **self._of_kuberay(redis),
            "RAYLENS_DATA_DIR": str(folder / "data"),
            **settings,
        }
        self._nodes = 0
        self.head = self._node("head")
        self.workers: list[Node] = []
        (folder / "data").mkdir()
        SHARED_DATA.joinpath("artifacts").mkdir(parents=True, exist_ok=True)
        (folder / "data" / "artifacts").symlink_to(SHARED_DATA / "artifacts")

    def _of_this_machine(self) -> dict[str, str]:
        """Different ports instead of a different address for each pod, and a shorter draining period."""
        first = free_port()
        return {
            "HOME": str(self._short),
            "RAY_SERVE_HAPROXY_BINARY_PATH": str(ROOT / "serve_app" / "cluster" / "haproxy"),
            "RAYLENS_PYTHON": sys.executable,
            "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(first),
            "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(first + 100),
            "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(free_port()),
            "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(free_port()),
            "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": "5",
        }

    def _of_kuberay(self, redis: str) -> dict[str, str]:
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
        if not redis:
            return token
        return token | {
            "RAY_REDIS_ADDRESS": redis,
            "RAY_external_storage_namespace": self._short.name,
            "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
        }

    def _node(self, name: str) -> Node:
        store = self._cluster["headGroupSpec"]["rayStartParams"]["object-store-memory"]
        if name == "head":
            arguments = [
                "--head",
                "--num-cpus=0",
                f"--port={self._gcs}",
                "--dashboard-host=127.0.0.1",
                f"--dashboard-port={self._dashboard}",
                f"--ray-client-server-port={self._client}",
                f"--temp-dir={self._short}",
            ]
        else:
            arguments = [f"--address=127.0.0.1:{self._gcs}", f"--num-cpus={WORKER_CPUS}"]
        self._nodes += 1
        return Node(
            self.folder / f"{name}.log",
            self._short / str(self._nodes),
            [*arguments, f"--object-store-memory={store}"],
            self._environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for node in (*self.workers, self.head):
            node.kill()
        shutil.rmtree(self._short, ignore_errors=True)

    def start(self) -> float:
        """Start the head, or its replacement; returns the seconds until its dashboard responds."""
        # A new pod has an empty disk. With this file of the previous head `ray start` would not start another one.
        (self._short / "ray_current_cluster").unlink(missing_ok=True)
        self.head.start()
        return self.wait_for(lambda: self.status() is not None, "the dashboard")

    def add_worker(self) -> Node:
        """Start a worker; it serves requests once it has a replica."""
        worker = self._node(f"worker-{len(self.workers)}")
        worker.start()
        self.workers.append(worker)
        return worker

    def have_workers(self, count: int) -> None:
        """Add workers up to ``count`` and wait until they have joined."""
        while len(self.workers) < count:
            self.add_worker()
        self.wait_for(lambda: self._nodes_alive() == count + 1, f"{count} workers")

    def deploy(self, document: Document) -> None:
        """Apply a changed ``serveConfigV2``, like KubeRay."""
        response = self._request("PUT", document)
        assert response.status_code == 200, response.text
        self.document = document

    def status(self) -> Document | None:
        """Serve's details of the application, empty if it is not deployed; None if the dashboard does not respond."""
        try:
            response = self._request("GET").raise_for_status()
        except httpx.HTTPError:
            return None
        application: Document = response.json()["applications"].get("raylens", {})
        assert application.get("status") != "DEPLOY_FAILED", application["message"]
        return application

    def _nodes_alive(self) -> int:
        nodes = self._request("GET", path="/api/v0/nodes").raise_for_status().json()["data"]["result"]["result"]
        return [node["state"] for node in nodes].count("ALIVE")

    def _request(
        self, method: str, document: Document | None = None, path: str = "/api/serve/applications/"
    ) -> httpx.Response:
        url = f"http://127.0.0.1:{self._dashboard}{path}"
        return httpx.request(method, url, headers={"Authorization": f"Bearer {TOKEN}"}, json=document, timeout=60)

    def replicas(self, deployment: str, state: str = "RUNNING") -> list[Document]:
        """Serve's details of the replicas in a state."""
        deployments = (self.status() or {}).get("deployments", {})
        replicas = deployments.get(deployment, {}).get("replicas", [])
        return [replica for replica in replicas if replica["state"] == state]

    def replica_ids(self, worker: Node | None = None) -> set[str]:
        """Replicas of all deployments, or those on one worker."""
        deployments = (self.status() or {}).get("deployments", {}).values()
        pids = {process.pid for process in worker.processes()} if worker else None
        replicas = [replica for deployment in deployments for replica in deployment["replicas"]]
        return {replica["replica_id"] for replica in replicas if pids is None or replica.get("pid") in pids}

    def is_settled(self, **replicas: int) -> bool:
        """Whether all deployments are healthy and have the given numbers of replicas."""
        status = self.status() or {}
        return (
            status.get("status") == "RUNNING"
            and all(deployment["status"] == "HEALTHY" for deployment in status["deployments"].values())
            and all(len(status["deployments"][name]["replicas"]) == count for name, count in replicas.items())
        )

    def wait_for(self, condition: Callable[[], bool], what: str) -> float:
        """Wait until the condition holds; returns the seconds it took."""
        started = time.monotonic()
        while not condition():
            assert time.monotonic() - started < LIMIT_S, f"{what}: not within {LIMIT_S:g} s; {self.status()}"
            time.sleep(0.3)
        return time.monotonic() - started
