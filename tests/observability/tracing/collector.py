"""An OpenTelemetry collector for tests: receives OTLP over HTTP, and can fail or stall."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TIMEOUT_S = 20.0


class Received:
    """A received span, with the service that sent it."""

    def __init__(self, span: Span, service: str) -> None:
        self.span = span
        self.service = service
        self.name = span.name
        self.trace = span.trace_id.hex()
        self.id = span.span_id.hex()
        self.parent = span.parent_span_id.hex()
        self.attributes: dict[str, Any] = {item.key: _value(item.value) for item in span.attributes}
        self.links = {link.span_id.hex() for link in span.links}
        self.is_failed = span.status.code == 2


def _value(value: object) -> object:
    return getattr(value, str(value.WhichOneof("value")))  # type: ignore[attr-defined]


class Collector:
    """Runs on a thread. Responds with ``status``, and only while ``gate`` is open."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.attempts = 0
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.attempts += 1
                collector.gate.wait(TIMEOUT_S)
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if collector.status != 200 or self.path != "/v1/traces":
                    self.send_error(collector.status if collector.status != 200 else 404)
                    return
                collector.bodies.append(body)
                reply = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def spans(self) -> Iterator[Received]:
        for body in list(self.bodies):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = next(i.value.string_value for i in resource.resource.attributes if i.key == "service.name")
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        yield Received(span, service)

    def of(self, trace: str, until: Callable[[list[Received]], bool]) -> list[Received]:
        """The spans of a trace once ``until`` holds for them; fails after 20 seconds."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            found = [span for span in self.spans() if span.trace == trace]
            if until(found):
                return found
            assert time.monotonic() < deadline, sorted((span.service, span.name) for span in found)
            time.sleep(0.1)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
