"""The server: HTTP on 127.0.0.1, with the controllers of Kubernetes in the background."""

import contextlib
import http.server
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from tests.kuberay.apiserver.discovery import discover
from tests.kuberay.apiserver.http_api import ApiError, Request, Response
from tests.kuberay.apiserver.logs import Logs
from tests.kuberay.apiserver.objects_api import ObjectsApi
from tests.kuberay.apiserver.operator import Operator
from tests.kuberay.apiserver.pods import Pods
from tests.kuberay.apiserver.store import Manifest, Store
from tests.kuberay.apiserver.workloads import Workloads

NAMESPACES: Final = ("default", "kube-system", "vision")
CONTROLLER_PERIOD_S: Final = 0.1


@dataclass
class InjectedFailure:
    """``status`` 200 sends a page of HTML, as a proxy's sign-in does."""

    method: str
    path: re.Pattern[str]
    status: int
    times: int

    def matches(self, request: Request) -> bool:
        return self.times > 0 and self.method in {"*", request.method} and bool(self.path.search(request.path))

    def response(self) -> Response:
        self.times -= 1
        if self.status == 200:
            return Response(b"<html>", media_type="text/html")
        raise ApiError(self.status, "Injected", "injected by a test")


class ApiServer:
    """A Kubernetes API server in this process, with KubeRay installed, and with a controllable operator."""

    def __init__(self) -> None:
        self.store = Store()
        self.requests: list[tuple[str, str]] = []
        """Method and URL."""
        self._closing = threading.Event()
        self._logs = Logs(self.store)
        self._api = ObjectsApi(self.store, self._logs, self._closing)
        self._failures: list[InjectedFailure] = []
        self._listener = _Listener(self._respond)
        self._controller_error: Exception | None = None
        self.pods = Pods(self.store)
        self.workloads = Workloads(self.store, self.pods, self._logs)
        self.operator = Operator(self.store, self.pods)
        for name in NAMESPACES:
            self.store.put(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": {"phase": "Active"}}
            )

    def __enter__(self) -> "ApiServer":
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        threading.Thread(target=self._run_controllers, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._closing.set()
        self._listener.shutdown()
        self._listener.server_close()
        if kind is None and (errors := [*self._listener.errors, *filter(None, [self._controller_error])]):
            raise errors[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.server_port}"

    def kubeconfig(self, path: Path, namespace: str = "default") -> Path:
        """Writes ``path`` and returns it."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        }
        path.write_text(json.dumps(config))
        path.chmod(0o600)
        return path

    def settle(self) -> None:
        """Run all controllers until nothing changes."""
        for _ in range(50):
            before = self.store.revision
            self.workloads.step()
            self.operator.step()
            if self.store.revision == before:
                return
        raise AssertionError("the controllers do not settle")

    def set_status(self, kind: str, namespace: str, name: str, status: Manifest) -> None:
        with self.store.lock:
            found = self.store.get(kind, namespace, name)
            assert found
            self.store.put({**found, "status": status})

    def fail_next(self, method: str, path_regex: str, status: int, times: int = 1) -> None:
        """``method`` may be ``*``; ``status`` 200 sends HTML."""
        self._failures.append(InjectedFailure(method, re.compile(path_regex), status, times))

    def deny(self, verb: str, plural: str) -> None:
        """403 for requests, and the same in access reviews."""
        self._api.denied.add((verb, plural))

    def pod_logs(self, namespace: str, pod: str, text: str, container: str = "") -> None:
        self._logs.write(namespace, pod, text, container)

    def _respond(self, request: Request) -> Response:
        self.requests.append((request.method, request.url))
        if failure := next((one for one in self._failures if one.matches(request)), None):
            return failure.response()
        if request.method == "GET" and (response := discover(request, self.store.kinds)):
            return response
        return self._api.respond(request)

    def _run_controllers(self) -> None:
        while not self._closing.is_set():
            before = self.store.revision
            try:
                self.workloads.step()
            except Exception as error:
                self._controller_error = error
                return
            if self.store.revision == before:
                self.store.wait_for(lambda: self.store.revision != before, CONTROLLER_PERIOD_S)  # noqa: B023 - called here
            else:
                self._closing.wait(0.002)


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, respond: Callable[[Request], Response]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.respond = respond
        self.errors: list[Exception] = []
        """Bugs of the server, which the fixture raises."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may close connections at any time."""


class _Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Listener

    def _handle(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(
            self.command, self.path, {name.title(): value for name, value in self.headers.items()}, content
        )
        try:
            response = self.server.respond(request)
        except ApiError as error:
            response = error.response()
        except Exception as error:
            self.server.errors.append(error)
            response = ApiError(500, "InternalError", repr(error)).response()
        with contextlib.suppress(ConnectionError):
            self._send(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815

    def _send(self, response: Response) -> None:
        self.send_response(response.code)
        self.send_header("Content-Type", response.media_type)
        if response.stream is None:
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in response.stream:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass
