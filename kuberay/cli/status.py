"""``raylens status --release``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kuberay.cli.exit import exit_on_deploy_error
from kuberay.cli.open_release import open_reader
from kuberay.cli.output import print_table, strip_control_characters

if TYPE_CHECKING:
    from kuberay.ray_service import RayClusterState
    from kuberay.release_status import ReleaseStatus


def show_release_status(release: str, namespace: str, context: str, kubeconfig: Path | None, as_json: bool) -> None:
    """Print the state of a release, and exit with its code."""
    from kuberay.release_status import ReleaseStatus
    from kuberay.release_target import ReleaseTarget

    target = ReleaseTarget(release, namespace, context, kubeconfig)
    with exit_on_deploy_error(as_json):
        status = ReleaseStatus.read(open_reader(target))
    if as_json:
        typer.echo(json.dumps(status.as_json()))
    else:
        _print(status)
    raise typer.Exit(status.code)


def _print(status: "ReleaseStatus") -> None:
    service, readiness = status.service, status.readiness
    rows = [(name, one.status, one.reason, one.message) for name, one in sorted(service.conditions.items())]
    print_table(("Condition", "Status", "Reason", "Message"), rows)
    clusters = [("active", service.active), ("pending", service.pending)]
    print_table(
        ("Cluster", "Name", "State", "Workers", "Bounds"),
        [_cluster(role, cluster) for role, cluster in clusters if cluster],
    )
    print_table(
        ("Application", "Deployment", "Status", "Message"),
        [row for cluster in service.clusters for row in _applications(cluster)],
    )
    pods = [
        (pod.name, pod.component, pod.phase, "yes" if pod.is_ready else "no", pod.restarts, pod.trouble)
        for pod in status.pods
    ]
    print_table(("Pod", "Component", "Phase", "Ready", "Restarts", "Problem"), pods)
    events = [(event.time, event.type, event.object, event.reason, event.message) for event in status.events]
    print_table(("Event", "Type", "Object", "Reason", "Message"), events)
    text = f"{status.release} in namespace {status.namespace} is {status.state}"
    if readiness.waits_for:
        text += f", waiting for {'; '.join(readiness.waits_for)}"
    typer.echo(strip_control_characters(f"{text}."))
    if readiness.failure:
        typer.echo(strip_control_characters(f"{readiness.failure.message}\n{readiness.failure.advice}"))


def _cluster(role: str, cluster: "RayClusterState") -> tuple[object, ...]:
    workers = f"{cluster.workers_available} of {cluster.workers_desired}"
    return role, cluster.name, cluster.state, workers, f"{cluster.workers_min} to {cluster.workers_max}"


def _applications(cluster: "RayClusterState") -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for application in cluster.applications:
        rows.append((application.name, "", application.status, application.message))
        rows += [("", one.name, one.status, one.message) for one in application.deployments]
    return rows
