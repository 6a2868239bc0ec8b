"""All use of Ray's private API. Each function states which public API is missing in Ray 2.60.

Import this module only after the flags of ``serve_app.cluster.ray_flags`` are set, because it imports Ray. Ray Serve
is imported where it is used, since that import takes a second in which ``ray.init`` can run.
"""

import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import ray
from ray._private.ray_logging import global_worker_stdstream_dispatcher

from serve_app.transport.kind import Kind

if TYPE_CHECKING:
    from ray.serve._private.client import ServeControllerClient
    from ray.serve.handle import DeploymentHandle
    from ray.serve.request_router import PendingRequest
    from ray.serve.schema import ServeDeploySchema


class TextSink(Protocol):
    """Anything with a ``write`` method for text."""

    def write(self, text: str, /) -> object: ...


def start_options(metrics_port: int, folder: Path) -> dict[str, Any]:
    """The arguments of ``ray.init`` that set the port of the metrics, and the folder of Ray's files and sockets.

    Missing: public arguments; ``ray start`` has ``--metrics-export-port`` and ``--temp-dir``.
    """
    return {"_metrics_export_port": metrics_port, "_temp_dir": str(folder)}


def relay_replica_logs(log: TextSink) -> None:
    """Write the log lines of replicas to ``log``, unchanged. Those of Ray's own actors are only in Ray's log files.

    Missing: a filter for ``ray.init(log_to_driver=True)``, which prefixes and writes the lines of all actors.
    """

    def relay(batch: dict[str, Any]) -> None:
        if str(batch.get("actor_name", "")).startswith("ServeReplica:"):
            log.write("".join(f"{line}\n" for line in batch["lines"]))

    global_worker_stdstream_dispatcher.remove_handler("ray_print_logs")
    global_worker_stdstream_dispatcher.add_handler("ray_print_logs", relay)


def deploy_schema(schema: "ServeDeploySchema", http_options: dict[str, Any], proxy_location: str | None) -> None:
    """Start Serve unless it runs, and deploy the applications of ``schema``. Returns before they run.

    Missing: a Python function that deploys a schema; ``serve deploy`` requires the dashboard. A ``serve.start()`` that
    returns before the proxies run; the application can be built meanwhile.
    """
    _serve_client(http_options, proxy_location).deploy_apps(schema)


def _serve_client(http_options: dict[str, Any], proxy_location: str | None) -> "ServeControllerClient":
    from ray.serve._private.api import _create_controller_and_proxy_refs  # noqa: PLC0415
    from ray.serve._private.client import ServeControllerClient  # noqa: PLC0415
    from ray.serve.context import _get_global_client, _set_global_client  # noqa: PLC0415
    from ray.serve.exceptions import RayServeException  # noqa: PLC0415

    with contextlib.suppress(RayServeException):
        if running := _get_global_client():
            return running
    controller, _ = _create_controller_and_proxy_refs(
        http_options=http_options,
        grpc_options=None,
        controller_options=None,
        proxy_location=proxy_location,
        global_tracing_config=None,
        global_logging_config={"log_level": "WARNING"},
    )
    client = ServeControllerClient(controller)
    _set_global_client(client)
    return client


def application_details(application: str) -> dict[str, Any] | None:
    """The state of an application in the controller, None if there is no such application. Blocks for one call.

    Missing: a status without the configuration. ``serve.status()`` makes the same call, but parses the configuration of
    every deployment, which takes 35 ms of CPU time instead of 1 ms.
    """
    from ray.serve.context import _get_global_client  # noqa: PLC0415

    client = _get_global_client()
    details: dict[str, Any] | None = client.get_serve_details()["applications"].get(application) if client else None
    return details


def use_without_event_loop(handle: "DeploymentHandle") -> None:
    """Let a process without an event loop call ``handle``; to be called before its first use.

    Missing: a public option of a handle; the environment variable that selects this applies to every process.
    """
    handle._init(_run_router_in_separate_loop=True)


def listen_on_node_address() -> None:
    """Let this replica listen for calls of other replicas only where they call it: at the address of its node.

    To be called by the constructor of a deployment. Missing: an option; Serve listens on all interfaces.
    """
    from ray.serve._private import replica  # noqa: PLC0415

    add_port = replica.add_port_to_grpc_server
    host = ray.util.get_node_ip_address()
    node = f"[{host}]" if ":" in host else host
    replica.add_port_to_grpc_server = lambda server, address: add_port(server, address.replace("[::]:", f"{node}:"))


class ReplicaCalls:
    """Calls that this replica answers as if they came to its gRPC server.

    Serve accepts or rejects them by ``max_ongoing_requests``, counts them in its metrics, and waits for them before
    the replica stops. To be created before the replica is ready. Missing: a way to pass calls on to the replica.
    """

    def __init__(self) -> None:
        from ray.serve._private import replica  # noqa: PLC0415

        self._replica: Any = None
        add_servicer = replica.add_ASGIServiceServicer_to_server

        def remember(servicer: object, server: object) -> None:
            self._replica = servicer
            add_servicer(servicer, server)

        replica.add_ASGIServiceServicer_to_server = remember

    async def answer(self, request: tuple[Any, list[Any], dict[str, Any]]) -> AsyncGenerator[tuple[Kind, object]]:
        """A ``CallHandler`` of requests (metadata of Serve, arguments, keyword arguments).

        RESULT has the number of ongoing calls, including this one, and the result; REJECTED has the number alone.
        """
        metadata, arguments, keywords = request
        calls = self._replica.handle_request_with_rejection(metadata, *arguments, **keywords)
        async with contextlib.aclosing(calls) as replies:
            begun = await anext(replies)
            if begun.accepted:
                result = await anext(replies)
                yield Kind.RESULT, (self._replica.get_num_ongoing_requests(), result)
                await anext(replies, None)
            else:
                yield Kind.REJECTED, begun.num_ongoing_requests


def is_awaited_in_this_loop(request: "PendingRequest") -> bool:
    """Whether the caller of the router awaits a single result in the router's event loop.

    Missing: a public attribute; Serve marks a handle that is used without an event loop.
    """
    metadata = request.metadata
    return not (metadata.is_streaming or metadata._on_separate_loop)


def silence_controller_exit() -> None:
    """Suppress Ray's report of a failed task when the Serve controller exits as requested.

    Missing: a ``serve.shutdown()`` without this report.
    """
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
