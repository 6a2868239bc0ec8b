"""HAProxy with the configuration that Ray Serve writes, as Raylens edits it, in front of a small server."""

import asyncio
import json
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig
from ray.serve.config import HTTPOptions

from serve_app.cluster.haproxy import find_haproxy, haproxy_flags
from serve_app.cluster.haproxy_config import HAProxyOptions
from tests.servers.process import ServerProcess, free_port


def write_ray_configuration(
    folder: Path, port: int, statistics: int, metrics: int, backend: int, *, keep_alive_s: int = 75, **more: Any
) -> Path:
    """``haproxy.cfg`` of the installed version of Ray, for one application."""
    path = folder / "haproxy.cfg"
    config = HAProxyConfig(
        socket_path=str(folder / "s"),
        server_state_base=str(folder),
        server_state_file=str(folder / "server-state"),
        http_options=HTTPOptions(host="127.0.0.1", port=port, keep_alive_timeout_s=keep_alive_s),
        has_received_routes=True,
        has_received_servers=True,
        stats_port=statistics,
        metrics_port=metrics,
        metrics_enabled=False,
        nbthread=1,
        **more,
    )
    servers = [ServerConfig("replica", "127.0.0.1", backend)]
    application = BackendConfig(name="http-raylens", path_prefix="/", app_name="raylens", servers=servers)
    HAProxyApi(config, {application.name: application}, config_file_path=str(path))._generate_config_file_internal()
    return path


class HAProxyServer(ServerProcess):
    """Listens on all loopback addresses. ``connections``: of clients. ``keep_alive_s``: of an idle one."""

    def __init__(
        self, folder: Path, options: HAProxyOptions, connections: int = 1000, *, keep_alive_s: int = 75
    ) -> None:
        super().__init__(folder)
        self.backend = Backend()
        self.statistics, self.metrics = free_port(), free_port()
        self.options = replace(options, binds=options.binds or (f"0.0.0.0:{self.port}",), private_metrics=True)
        self._connections = connections
        self._keep_alive_s = keep_alive_s
        self._arguments: list[str] = []
        self.config = self.write()

    def write(self) -> Path:
        """Write Ray's configuration, as Ray does before each start."""
        ports = (self.port, self.statistics, self.metrics, self.backend.port)
        return write_ray_configuration(self.folder, *ports, keep_alive_s=self._keep_alive_s, maxconn=self._connections)

    def command(self) -> list[str]:
        flags = haproxy_flags(find_haproxy({}), self.options)
        variables = [f"{name}={value}" for name, value in flags.items()]
        return [
            "env",
            *variables,
            flags["RAY_SERVE_HAPROXY_BINARY_PATH"],
            "-db",
            "-f",
            str(self.config),
            *self._arguments,
        ]

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def reload(self) -> None:
        """As Ray does: another process takes over the sockets, and the first one ends after its connections."""
        self.write()
        process, guard = self._process, self._guard
        assert process
        assert guard
        self._arguments = ["-sf", str(process.pid), "-x", str(self.folder / "s")]
        self._process = self._guard = None
        self.start()
        process.wait(20)
        guard.kill()
        guard.communicate()

    def close(self) -> None:
        self.stop()
        self.backend.close()


class Backend:
    """Responds with the headers that arrived.

    ``/large``: with 64 MB. ``/slow``: when :meth:`release` is called. ``/policy``: with a policy of its own.
    """

    def __init__(self) -> None:
        self.broken = threading.Event()
        """Set when a client of ``/large`` is gone."""
        self.written = 0
        self.held = 0
        """Requests for ``/slow`` without a response."""
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def hold(self) -> None:
        self._loop.call_soon_threadsafe(self._released.clear)

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._released.set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while headers := await reader.readuntil(b"\r\n\r\n"):
                request, *lines = headers.decode().strip().split("\r\n")
                await self._respond(request.split()[1], [line.split(": ") for line in lines], reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _respond(
        self, path: str, headers: list[list[str]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readexactly(int(dict(headers).get("content-length", 0)))
        if path == "/slow":
            self.held += 1
            await self._released.wait()
            self.held -= 1
        body = json.dumps(headers).encode()
        size = 64 << 20 if path == "/large" else len(body)
        own = "Content-Security-Policy: sandbox\r\n" if path == "/policy" else ""
        writer.write(f"HTTP/1.1 200 OK\r\nServer: uvicorn\r\n{own}Content-Length: {size}\r\n\r\n".encode())
        if path == "/large":
            await self._send_large(writer)
        else:
            writer.write(body)

    async def _send_large(self, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in range(64):
                writer.write(bytes(1 << 20))
                await writer.drain()
                self.written += 1 << 20
        except OSError:
            self.broken.set()
            raise

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop)
            self._thread.join()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def _stop(self) -> None:
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_soon(self._loop.stop)
