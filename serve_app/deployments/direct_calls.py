"""Calls between replicas on one machine: past gRPC, through a Unix socket of the replica that is called.

All else is Ray Serve's: its router chooses the replica, and the replica accepts, counts and drains these calls like any
others. Between machines, and while there is no connection, Serve's gRPC carries the call.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import structlog
from ray.exceptions import ActorUnavailableError
from ray.serve.request_router import PendingRequest, RunningReplica

from serve_app.cluster.ray_internals import ReplicaCalls, is_awaited_in_this_loop
from serve_app.settings import settings
from serve_app.transport.client import ReplicaLost, Reply, SocketClient, connect_to_replica
from serve_app.transport.kind import Kind
from serve_app.transport.server import SocketServer
from serve_app.transport.socket_folder import new_socket_path

log = structlog.get_logger(__name__)

_UNAVAILABLE: Final = ActorUnavailableError("The connection broke.", None)


class AnswersDirectCalls:
    """Base of the deployments of stages: listens on a socket."""

    _server: SocketServer | None = None

    async def record_replica_metadata(self) -> dict[str, str]:
        """Called by Serve before the replica is ready: what all routers learn about it, the path of its socket."""
        if not settings().direct_calls:
            return {}
        try:
            server = SocketServer(new_socket_path(), ReplicaCalls().answer)
            await server.start()
        except OSError as error:
            log.warning("direct_calls_unavailable", error=str(error))
            return {}
        self._server = server
        return {"socket": str(server.path)}

    def __del__(self) -> None:
        """Called by Serve once the replica has no calls left. Removes the socket."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


class DirectReplica(RunningReplica):
    """A replica as the router calls it."""

    def __init__(self, replica_info: Any, own_node_id: str) -> None:  # noqa: ANN401 - the type is private
        """To be called in the event loop of the caller, where it connects to a replica on the same machine."""
        super().__init__(replica_info)
        self._client: SocketClient | None = None
        path = self.replica_metadata.get("socket")
        if path and self.node_id == own_node_id:
            self._connecting = asyncio.get_running_loop().create_task(self._connect(path))

    def try_send_request(self, pr: PendingRequest, with_rejection: bool) -> Any:  # noqa: ANN401 - private
        """Called by the router: a DirectResult, or a result of Serve's own. The replica may reject the call."""
        if self._client is None or not self._client.is_open or not with_rejection or not is_awaited_in_this_loop(pr):
            return super().try_send_request(pr, with_rejection)
        return DirectResult(self._client.call((pr.metadata, pr.args, pr.kwargs)))

    async def _connect(self, path: str) -> None:
        with contextlib.suppress(OSError):  # the replica has died, or runs as another user
            self._client = await connect_to_replica(path)


class Acceptance(NamedTuple):
    """What the router asks for first."""

    accepted: bool
    num_ongoing_requests: int
    """Calls that the replica has accepted, including this one."""


class DirectResult:
    """A call in progress, with the methods that Serve uses to await it in the event loop of the router."""

    def __init__(self, reply: asyncio.Future[Reply]) -> None:
        self._reply = reply

    async def get_rejection_response(self) -> Acceptance:
        """There is only one reply. If it is lost the call may have begun, so the router must not repeat it."""
        kind, content = await self._reply
        if kind is Kind.REJECTED:
            return Acceptance(False, content)
        return Acceptance(True, content[0] if kind is Kind.RESULT else 1)

    async def get_async(self) -> Any:  # noqa: ANN401 - whatever the stage returns
        """Raises the error of the stage, or ReplicaLost. To be awaited once."""
        kind, content = await self._reply
        if kind is Kind.RESULT:
            return content[1]
        del self._reply  # holds the error, whose frames hold this object
        try:
            raise content
        finally:
            del content

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        """``callback`` gets an ActorUnavailableError if the connection broke, otherwise None.

        Given that error, the router asks Ray whether the replica lives before it sends the next call there.
        """
        self._reply.add_done_callback(lambda reply: callback(_UNAVAILABLE if _is_lost(reply) else None))

    def cancel(self) -> None:
        """Cancel the call in the replica."""
        if hasattr(self, "_reply"):
            self._reply.cancel()


def _is_lost(reply: asyncio.Future[Reply]) -> bool:
    return not reply.cancelled() and isinstance(reply.result().content, ReplicaLost)
