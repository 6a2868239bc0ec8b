"""``raylens status``."""

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kuberay.cli import options
from serve_app.cli.options import JsonOption, ServerOption

if TYPE_CHECKING:
    from rich.table import Table

_Health = dict[str, Any]
_LivePipeline = dict[str, Any]


def status_command(
    server: ServerOption,
    *,
    release: Annotated[str, typer.Option("--release", help="Show a release on Kubernetes instead of a server.")] = "",
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
    kubeconfig: options.KubeconfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the state of a running server, or of a release on Kubernetes.

    Exit status: 0 ready, 1 not ready, 2 usage error, 3 server or cluster unreachable. For a release, as
    in `raylens deploy`.
    """
    from serve_app.cli.errors import UsageError, exit_on_error

    with exit_on_error():
        if not release and (namespace or context or kubeconfig):
            raise UsageError("--namespace, --context and --kubeconfig need --release.")
    if release:
        from kuberay.cli.status import show_release_status

        show_release_status(release, namespace, context, kubeconfig, as_json)
    with exit_on_error():
        ready, health, live = asyncio.run(_fetch(server))
    if as_json:
        typer.echo(json.dumps({"ready": ready, "health": health, "pipeline": live}))
    else:
        _show(health, live)
    raise typer.Exit(0 if ready else 1)


async def _fetch(url: str) -> tuple[bool, _Health, _LivePipeline]:
    """Readiness, health and the live pipeline of the server. Raises ServerUnreachable."""
    from serve_app.cli.address import Address
    from serve_app.cli.errors import ServerUnreachable
    from serve_app.cli.server_client import ServerClient

    async with ServerClient(Address.parse(url)) as server:
        ready = await server.get("/api/health/ready")
        live = await server.get("/api/v1/pipeline")
    try:
        return ready.status_code == 200, _health(ready.json()), dict(live.json()) if live.status_code == 200 else {}
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ServerUnreachable(f"The server at {url} is not Raylens.") from None


def _health(body: dict[str, Any]) -> _Health:
    return {"status": str(body["status"]), "parts": {str(name): str(state) for name, state in body["parts"].items()}}


def _show(health: _Health, live: _LivePipeline) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    console.print(_table(("Component", "State"), [(name, state) for name, state in health["parts"].items()]))
    deployments = [(name, d["status"], d["replicas"], d["starting"]) for name, d in live.get("deployments", {}).items()]
    if deployments:
        console.print(_table(("Deployment", "State", "Replicas", "Starting"), deployments))
    queues = [(name, q["running"], q["waiting"], q["limit"]) for name, q in live.get("queues", {}).items()]
    if queues:
        console.print(_table(("Queue", "Running", "Waiting", "Limit"), queues))
    if live.get("images_per_s"):
        console.print(_summary(live))
    console.print(f"Raylens is {health['status']}.")


def _table(headers: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for header in headers:
        table.add_column(header, min_width=12)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table


def _summary(live: _LivePipeline) -> str:
    latency = live["latency_ms"]
    return (
        f"Last {live['window_s']:.0f} s: {live['images_per_s']} images/s, {live['cache_hit_share']:.0%} without "
        f"inference, latency {latency['p50']} ms (p50), {latency['p99']} ms (p99)."
    )
