"""``raylens status``."""

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kuberay.cli import options
from serve_app.cli.options import DEFAULT_SERVER, AsJson, ServerUrl

if TYPE_CHECKING:
    from rich.table import Table

Health = dict[str, Any]
Live = dict[str, Any]


def status(
    server: ServerUrl = DEFAULT_SERVER,
    *,
    release: Annotated[
        str, typer.Option("--release", help="Show a release on Kubernetes instead of a server; goes with what follows.")
    ] = "",
    namespace: options.Namespace = "",
    context: options.Context = "",
    kubeconfig: options.Kubeconfig = None,
    as_json: AsJson = False,
) -> None:
    """Show the state of a running Raylens, or of a release on Kubernetes.

    Exit status: 0 ready, 1 not ready, 3 there is no server or no cluster; of a release, that of `raylens deploy`.
    """
    from serve_app.cli.failure import WrongUsage, one_line

    with one_line():
        if not release and (namespace or context or kubeconfig):
            raise WrongUsage("Name the release with --release; --server asks a server and no cluster.")
    if release:
        from kuberay.cli.opened import Place
        from kuberay.cli.status import show

        show(Place(release, namespace, context, kubeconfig), as_json)
    with one_line():
        ready, health, live = asyncio.run(_ask(server))
    if as_json:
        typer.echo(json.dumps({"ready": ready, "health": health, "pipeline": live}))
    else:
        _show(health, live)
    raise typer.Exit(0 if ready else 1)


async def _ask(url: str) -> tuple[bool, Health, Live]:
    """Whether it is ready, its parts, the live pipeline. Raises Unreachable."""
    from serve_app.cli.address import Address
    from serve_app.cli.failure import Unreachable
    from serve_app.cli.server import Server

    async with Server(Address.parse(url)) as server:
        ready = await server.get("/api/health/ready")
        live = await server.get("/api/v1/pipeline")
    try:
        return ready.status_code == 200, _parts(ready.json()), dict(live.json()) if live.status_code == 200 else {}
    except (KeyError, TypeError, ValueError):
        raise Unreachable(f"What answers at {url} is not Raylens.") from None


def _parts(body: dict[str, Any]) -> Health:
    return {"status": str(body["status"]), "parts": {str(name): str(state) for name, state in body["parts"].items()}}


def _show(health: Health, live: Live) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    console.print(_table(("Part", "State"), [(name, state) for name, state in health["parts"].items()]))
    deployments = [(name, d["status"], d["replicas"], d["starting"]) for name, d in live.get("deployments", {}).items()]
    if deployments:
        console.print(_table(("Stage", "State", "Replicas", "Starting"), deployments))
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


def _summary(live: Live) -> str:
    latency = live["latency_ms"]
    return (
        f"Last {live['window_s']:.0f} s: {live['images_per_s']} images/s, {live['cache_hit_share']:.0%} without "
        f"inference, latency {latency['p50']} ms (p50), {latency['p99']} ms (p99)."
    )
