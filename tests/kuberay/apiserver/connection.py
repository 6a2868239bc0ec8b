"""HTTP/1.1 around the API, a thread for each connection."""

import contextlib
import http.server
import ssl
from collections.abc import Callable
from typing import Any

from tests.kuberay.apiserver.refusal import Refused
from tests.kuberay.apiserver.request import Reply, Request

Answer = Callable[[Request], Reply]


class Connection(http.server.BaseHTTPRequestHandler):
    """Of one client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: "Listener"

    def _handle(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.title(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, content)
        try:
            reply = self.server.answer(request)
        except Refused as refused:
            reply = Reply(refused.status(), refused.code)
        except Exception as fault:
            self.server.faults.append(fault)
            text = f"{type(fault).__name__}: {fault}"
            reply = Reply(Refused(500, "InternalError", f"Internal error occurred: {text}").status(), 500)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self._send(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.code)
        self.send_header("Content-Type", reply.media_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.stream is None:
            content = reply.content
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in reply.stream:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


class Listener(http.server.ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Answer, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.answer = answer
        self.faults: list[Exception] = []
        """Defects of the server itself: answered with a 500, and told by the fixture."""
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are no fault."""
