"""A forward proxy on loopback, as http_proxy names one: it forwards plain requests, opens tunnels, and records both."""

import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class ForwardProxy:
    """``hosts`` replaces host names by addresses, like a resolver of its own. ``requests``: the heads of requests."""

    def __init__(self, hosts: Mapping[str, str] | None = None) -> None:
        self.requests: list[str] = []
        self.refusal = b""
        """A response to send to every request instead of forwarding it."""
        self._hosts = hosts or {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def targets(self) -> list[str]:
        """The first lines of the requests, without the version."""
        return [head.splitlines()[0].rpartition(" ")[0] for head in self.requests]

    def run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, client: socket.socket) -> None:
        with closing(client):
            head = _head(client)
            if not head:
                return
            self.requests.append(head.decode("latin-1"))
            if self.refusal:
                client.sendall(self.refusal)
                return
            line, _, rest = head.partition(b"\r\n")
            method, target, version = line.decode("latin-1").split(" ")
            url = urlsplit(f"//{target}" if method == "CONNECT" else target)
            assert url.hostname
            try:
                server = socket.create_connection((self._hosts.get(url.hostname, url.hostname), url.port or 80), 10)
            except OSError:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with closing(server):
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    path = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
                    server.sendall(f"{method} {path} {version}\r\n".encode("latin-1") + rest)
                _relay(client, server)


def _head(client: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        if not (data := client.recv(65_536)):
            return b""
        head += data
    return head


def _relay(client: socket.socket, server: socket.socket) -> None:
    while True:
        for ready in select.select([client, server], [], [])[0]:
            try:
                data = ready.recv(65_536)
                (server if ready is client else client).sendall(data)
            except OSError:
                return
            if not data:
                return


@contextmanager
def forwarding(hosts: Mapping[str, str] | None = None) -> Iterator[ForwardProxy]:
    """A running proxy."""
    proxy = ForwardProxy(hosts)
    threading.Thread(target=proxy.run, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.close()
