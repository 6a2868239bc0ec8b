"""Both load generators against a test server."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import load
from benchmarks.load import LoadFailed, Workload

DELAY_S = 0.02
REFUSED = b"refuse me"


class _Server(ThreadingHTTPServer):
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tokens: Counter[str | None] = Counter()
        self.more: Counter[str | None] = Counter()
        self.seen: Counter[tuple[str, str, bytes]] = Counter()
        self.connections = 0
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.tokens[self.headers["Authorization"]] += 1
            self.server.more[self.headers["X-More"]] += 1
            self.server.seen[self.path, self.headers["Content-Type"], body] += 1
        time.sleep(DELAY_S)
        self.send_response(503 if body == REFUSED else 201)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["wrk", "asyncio client"])
def generator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    if name == "wrk" and not shutil.which("wrk"):
        pytest.skip("wrk is not installed")
    if name != "wrk":
        monkeypatch.setattr(load, "generator", lambda: name)
    return name


@pytest.mark.usefixtures("generator")
def test_connections_are_reused_and_cycle_through_the_bodies(server: _Server):
    bodies = [b"0", b"\x00\xff\r\n1", b"2" * 100_000]
    with Workload.of("/path?cache=off", "image/jpeg", bodies) as workload:
        seen = load.run(f"http://127.0.0.1:{server.server_port}", workload, connections=4, seconds=1)
    counts = [server.seen.pop(("/path?cache=off", "image/jpeg", body)) for body in bodies]
    assert not server.seen
    assert max(counts) - min(counts) <= 4
    assert seen.errors == 0
    assert abs(seen.requests - sum(counts)) <= 4
    # The delay bounds what four connections can do; a slow machine does less.
    assert 4 <= seen.images_per_s <= 4 / DELAY_S
    assert DELAY_S * 1e3 <= seen.median_ms <= seen.p90_ms <= seen.p99_ms
    assert 0 < seen.client_cores < 1.1
    assert seen.requests > server.connections
    assert server.connections <= 5  # wrk opens an extra connection as a check
    assert (set(server.tokens), set(server.more)) == ({None}, {None})


@pytest.mark.usefixtures("generator")
def test_token_and_header_are_sent(server: _Server):
    with Workload.of("/", "image/jpeg", [b"0"]) as workload:
        signed_in = replace(workload, token="rlt_x", header="X-More: a: b")
        load.run(f"http://127.0.0.1:{server.server_port}", signed_in, connections=1, seconds=1)
    assert set(server.tokens) == {"Bearer rlt_x"}
    assert set(server.more) == {"a: b"}


@pytest.mark.usefixtures("generator")
def test_refused_requests_are_not_counted_as_images(server: _Server):
    with Workload.of("/", "image/jpeg", [b"0", REFUSED]) as workload:
        seen = load.run(f"http://127.0.0.1:{server.server_port}", workload, connections=2, seconds=1)
    assert seen.errors == seen.refused
    assert abs(seen.refused - seen.answers) <= 2
    assert seen.images_per_s == pytest.approx(seen.answers / seen.seconds)


def test_a_failing_generator_reports_the_reason(server: _Server):
    with Workload.of("/", "image/jpeg", []) as workload, pytest.raises(LoadFailed, match=load.generator()):
        load.run("http://not a host", workload, connections=1, seconds=1)


@pytest.mark.usefixtures("generator")
def test_a_server_that_is_not_running():
    with Workload.of("/", "image/jpeg", [b"0"]) as workload:
        try:
            seen = load.run("http://127.0.0.1:9", workload, connections=1, seconds=1)
        except LoadFailed:
            return
    assert seen.answers == 0
    assert seen.failed > 0
