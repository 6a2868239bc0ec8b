"""``raylens status --release``."""

import json
from typing import TYPE_CHECKING

import typer

from kuberay.cli.opened import Place

if TYPE_CHECKING:
    from kuberay.ray_service import Cluster
    from kuberay.status import Status


def show(place: Place, as_json: bool) -> None:
    """Print the state of a release, and end with its exit code."""
    from kuberay.cli.ending import ending
    from kuberay.status import Status

    with ending(as_json):
        status = Status.of(place.observer())
    if as_json:
        typer.echo(json.dumps(status.as_json()))
    else:
        _print(status)
    raise typer.Exit(status.code)


def _print(status: "Status") -> None:
    from kuberay.cli.ending import printable
    from kuberay.cli.printing import table

    service = status.service
    rows = [(name, told.status, told.reason, told.message) for name, told in sorted(service.conditions.items())]
    table(("Condition", "Status", "Reason", "Message"), rows)
    clusters = [("active", service.active), ("pending", service.pending)]
    table(
        ("Cluster", "Name", "State", "Workers", "Bounds"),
        [_cluster(role, cluster) for role, cluster in clusters if cluster],
    )
    table(
        ("Application", "Deployment", "Status", "Message"),
        [row for _, cluster in clusters if cluster for row in _applications(cluster)],
    )
    pods = [(pod.name, pod.component, pod.phase, _yes(pod.is_ready), pod.restarts, pod.trouble) for pod in status.pods]
    table(("Pod", "Component", "Phase", "Ready", "Restarts", "Trouble"), pods)
    events = [(event.time, event.type, event.object, event.reason, event.message) for event in status.events]
    table(("Event", "Type", "Object", "Reason", "Message"), events)
    text = f"{status.release} in namespace {status.namespace} is {status.word}"
    if status.verdict.waits_for:
        text += f"; it waits for {'; '.join(status.verdict.waits_for)}"
    typer.echo(printable(f"{text}."))
    if status.verdict.failure:
        typer.echo(printable(f"{status.verdict.failure.message}\n{status.verdict.failure.advice}"))


def _cluster(role: str, cluster: "Cluster") -> tuple[object, ...]:
    workers = f"{cluster.workers_available} of {cluster.workers_desired}"
    return role, cluster.name, cluster.state, workers, f"{cluster.workers_min} to {cluster.workers_max}"


def _applications(cluster: "Cluster") -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for application in cluster.applications:
        rows.append((application.name, "", application.status, application.message))
        rows += [("", one.name, one.status, one.message) for one in application.deployments]
    return rows


def _yes(value: bool) -> str:
    return "yes" if value else "no"
