"""The server: real HTTP on 127.0.0.1, for real clients."""

import base64
import json
import re
import ssl
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Final

from tests.kuberay.apiserver.access import Access, Denial
from tests.kuberay.apiserver.api import Api
from tests.kuberay.apiserver.background import Background
from tests.kuberay.apiserver.certificate import made_in
from tests.kuberay.apiserver.connection import Listener
from tests.kuberay.apiserver.definitions import ray_definitions
from tests.kuberay.apiserver.logs import Logs
from tests.kuberay.apiserver.operator import Operator
from tests.kuberay.apiserver.orders import Failure, Order, Orders
from tests.kuberay.apiserver.pods import Pods
from tests.kuberay.apiserver.refusal import unauthorized
from tests.kuberay.apiserver.request import Reply, Request
from tests.kuberay.apiserver.resources import Resources
from tests.kuberay.apiserver.store import Manifest, Store
from tests.kuberay.apiserver.workloads import Workloads

NAMESPACES: Final = ("default", "kube-system")


class ApiServer:
    """A Kubernetes API server in this process, empty but for its namespaces and KubeRay's definitions."""

    def __init__(self, namespaces: tuple[str, ...] = (), *, token: str = "") -> None:
        """``token``: demanded from clients, over TLS, where given."""
        self.store = Store(Resources())
        self.access = Access()
        self.requests: list[tuple[str, str]] = []
        """Method and URL of everything that was asked."""
        self._token = token
        self._closing = threading.Event()
        self._orders = Orders()
        self._logs = Logs(self.store)
        self._api = Api(self.store, self.access, self._logs, self._closing)
        context, self._certificate = _secured() if token else (None, b"")
        self._listener = Listener(self._answer, context)
        self.pods = Pods(self.store)
        self.workloads = Workloads(self.store, self.pods, self._logs)
        self.operator = Operator(self.store, self.pods)
        self._background = Background(self.store, self._closing)
        self._background.steps.append(self.workloads.step)
        for definition in ray_definitions():
            self.store.resources.define(definition)
        for name in (*NAMESPACES, *namespaces):
            labels = {"kubernetes.io/metadata.name": name}
            meta = {"name": name, "labels": labels}
            self.store.put({"apiVersion": "v1", "kind": "Namespace", "metadata": meta, "status": {"phase": "Active"}})

    def __enter__(self) -> "ApiServer":
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self._background.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._closing.set()
        self._listener.shutdown()
        self._listener.server_close()
        if kind is None and (faults := [*self._listener.faults, *filter(None, [self._background.fault])]):
            raise faults[0]

    @property
    def url(self) -> str:
        return f"http{'s' if self._token else ''}://127.0.0.1:{self._listener.server_port}"

    def kubeconfig(self, path: Path, namespace: str = "default") -> Path:
        """Write the file that leads clients here; ``path`` is returned."""
        user, cluster = {}, {"server": self.url}
        if self._token:
            user["token"] = self._token
            cluster["certificate-authority-data"] = base64.b64encode(self._certificate).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        }
        path.write_text(json.dumps(config))
        path.chmod(0o600)
        return path

    def run_operator(self) -> None:
        """Let KubeRay's operator work in the background, too, as Kubernetes' own controllers do from the start."""
        self._background.steps.append(self.operator.step)

    def settle(self, most: int = 50) -> None:
        """Let all controllers work until nothing changes any more. Raises AssertionError where that never comes."""
        for _ in range(most):
            before = self.store.revision
            self.workloads.step()
            self.operator.step()
            if self.store.revision == before:
                return
        raise AssertionError(f"something changes still after {most} steps")

    def set_status(self, kind: str, namespace: str, name: str, status: Manifest) -> None:
        """Replace the status of an object. Raises KeyError where there is none."""
        with self.store.lock:
            found = self.store.get(kind, namespace, name)
            if found is None:
                raise KeyError(f"{kind} {namespace}/{name}")
            self.store.put({**found, "status": status})

    def fail_next(self, method: str, path_regex: str, status: Failure, reason: str = "", times: int = 1) -> None:
        """Let requests fail; ``method`` may be ``*``, the path is searched for, ``status`` may be html."""
        self._orders.add(Order(method, re.compile(path_regex), status, reason, times))

    def deny(self, verb: str, plural: str, namespace: str | None = None) -> None:
        """Forbid something, ``*`` for all verbs or plurals: 403, and what access reviews say."""
        self.access.denials.append(Denial(verb, plural, namespace))

    def pod_logs(self, namespace: str, pod: str, text: str, *, container: str = "", previous: bool = False) -> None:
        """Let a container print something more; ``previous``: the one before its last restart."""
        self._logs.write(namespace, pod, text, container, previous=previous)

    def _answer(self, request: Request) -> Reply:
        self.requests.append((request.method, request.url))
        if reply := self._orders.fulfil(request):
            return reply
        if self._token and request.headers.get("Authorization") != f"Bearer {self._token}":
            raise unauthorized()
        return self._api.answer(request)

    def revoke(self) -> None:
        """Take no client's token any more: 401."""
        self._token = "\0"


def _secured() -> tuple[ssl.SSLContext, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return made_in(Path(folder))
