"""A fake API server that records its requests."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TERRIER: dict[str, Any] = {"rank": 1, "index": 187, "wnid": "n02094433", "label": "Yorkshire_terrier"}
TABBY: dict[str, Any] = {"rank": 2, "index": 281, "wnid": "n02123045", "label": "tabby"}


@dataclass
class Reply:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


HANG_UP = Reply(0, None)
"""Close the connection without a response."""


@dataclass
class RecordedRequest:
    """One request."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


def classification(top_k: int = 5) -> dict[str, Any]:
    predictions = [TERRIER | {"probability": 0.9686}, TABBY | {"probability": 0.0123}]
    return {
        "id": "0" * 32,
        "predictions": predictions[:top_k],
        "cached": False,
        "model": {"name": "efficientnet-lite0"},
    }


def problem(status: int, code: str, detail: str, **headers: str) -> Reply:
    return Reply(status, {"status": status, "code": code, "detail": detail}, headers)


class FakeApi:
    """``answer`` replies to POST requests; ``get`` maps GET paths to replies or to functions that return them."""

    def __init__(self) -> None:
        self.asked: list[RecordedRequest] = []
        self.get: dict[str, Reply | Callable[[RecordedRequest], Reply]] = {}
        self.answer: Callable[[RecordedRequest, int], Reply] = lambda asked, _attempt: Reply(
            201, classification(int(asked.query["top_k"][0]))
        )
        self.url = ""
        self._attempts: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    def post(self, asked: RecordedRequest) -> Reply:
        with self._lock:
            self.asked.append(asked)
            attempt = self._attempts[asked.body]
            self._attempts[asked.body] += 1
        return self.answer(asked, attempt)


@contextmanager
def running(api: FakeApi) -> Iterator[FakeApi]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            reply = api.get.get(url.path, problem(404, "not_found", "Nothing here."))
            asked = RecordedRequest(url.path, parse_qs(url.query), dict(self.headers), b"")
            self._reply(reply(asked) if callable(reply) else reply)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            url = urlsplit(self.path)
            self._reply(api.post(RecordedRequest(url.path, parse_qs(url.query), dict(self.headers), body)))

        def _reply(self, reply: Reply) -> None:
            if reply is HANG_UP:
                self.close_connection = True
                return
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(data))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        yield api
        server.shutdown()
        thread.join()
