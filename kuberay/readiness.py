"""Whether a release is up: judged from what KubeRay and the pods tell, without asking anybody.

Helm's ``--wait`` holds a RayService without a status for ready, and ``Ready`` stays true all through an upgrade.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kuberay.errors import NotReady
from kuberay.exit_codes import ExitCode
from kuberay.kubectl_commands import WORKER_LOG, resume_command
from kuberay.pods import Kind, Trouble
from kuberay.ray_service import Application, Cluster, RayService

PATIENCE_S: Final = {
    ExitCode.SUSPENDED: 0.0,
    ExitCode.INVALID: 10.0,
    ExitCode.INITIALIZING_TIMEOUT: 10.0,
    ExitCode.DEPLOY_FAILED: 20.0,
    ExitCode.PODS_FAILED: 90.0,
    ExitCode.UNHEALTHY: 120.0,
}
"""A status may be left over from before a change, and a pull may work the next time: a failure counts once it has
been seen for so long without a break, seconds."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a release does not come up, as it looks now."""

    code: ExitCode
    message: str
    advice: str

    def error(self) -> NotReady:
        return NotReady(self.code, self.message, self.advice)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Done when there is nothing to wait for. What keeps it from being done may be a failure."""

    waits_for: tuple[str, ...] = ()
    failure: Failure | None = None

    @property
    def is_done(self) -> bool:
        return not self.waits_for and not self.failure

    @property
    def is_suspended(self) -> bool:
        return self.failure is not None and self.failure.code is ExitCode.SUSPENDED


def suspended(rayservice: str) -> Failure:
    """Nothing runs until someone resumes the release, so waiting would not end."""
    message = "The release is suspended: nothing of it runs."
    return Failure(ExitCode.SUSPENDED, message, f"`{resume_command(rayservice)}` starts it again.")


def judge(service: RayService | None, pods: Sequence[Trouble] = ()) -> Verdict:
    """``service`` is None before Helm made it."""
    if service is None:
        return Verdict(("the RayService to be made",))
    if service.suspend:
        return Verdict(("`spec.suspend` to be false",), suspended(service.name))
    missing = tuple(_missing(service))
    return Verdict(missing, _failure(service, pods) if missing else None)


def _missing(service: RayService) -> Iterator[str]:
    """Everything that is not as it will be in the end."""
    if service.observed_generation < service.generation:
        yield f"KubeRay to take up the change (generation {service.generation}, seen {service.observed_generation})"
    if service.condition("Suspended").is_true or service.condition("Suspending").is_true:
        yield "KubeRay to resume it"
    ready = service.condition("Ready")
    if not ready.is_true:
        yield f"an endpoint{f' ({ready.reason})' if ready.reason else ''}"
    if service.pending:
        yield f"the new cluster to take over{_share(service.pending)}"
    elif service.condition("UpgradeInProgress").status != "False":
        yield "the upgrade to end"
    if service.condition("RollbackInProgress").is_true:
        yield "KubeRay's rollback to end"
    yield from _missing_in(service.newest, service.expected)


def _missing_in(cluster: Cluster | None, expected: Iterable[str]) -> Iterator[str]:
    if cluster is None:
        yield "a RayCluster"
        return
    if not cluster.applications:
        yield f"workers of {cluster.name} ({cluster.workers_available} of {cluster.workers_desired})"
        return
    known = {application.name for application in cluster.applications}
    yield from (f"application {name}" for name in expected if name not in known)
    yield from (_told(application) for application in cluster.applications if not application.is_up)


def _told(application: Application) -> str:
    late = [f"{one.name} {one.status}" for one in application.deployments if one.status != "HEALTHY"]
    return f"application {application.name} ({', '.join([application.status or 'no status', *late])})"


def _share(cluster: Cluster) -> str:
    return "" if cluster.traffic_percent is None else f" ({cluster.traffic_percent} % of the requests)"


def _failure(service: RayService, pods: Sequence[Trouble]) -> Failure | None:
    ready = service.condition("Ready")
    if ready.reason == "ValidationFailed":
        return Failure(
            ExitCode.INVALID,
            f"KubeRay refuses the RayService: {ready.message}",
            "Correct the values, and deploy again.",
        )
    if ready.reason == "InitializingTimeout":
        return Failure(
            ExitCode.INITIALIZING_TIMEOUT,
            f"KubeRay gave the first cluster up: {ready.message}",
            "It does not try again: see what is wrong with `raylens doctor`, then `raylens delete` and deploy again.",
        )
    if service.observed_generation < service.generation or service.newest is None:
        return _of_pods(pods, "")
    return _of_pods(pods, service.newest.name) or _of_applications(service, service.newest)


def _of_applications(service: RayService, cluster: Cluster) -> Failure | None:
    beside = "; the cluster before serves on" if service.pending and service.active else ""
    for application in cluster.applications:
        statuses = {application.status, *(deployment.status for deployment in application.deployments)}
        for status, code in (("DEPLOY_FAILED", ExitCode.DEPLOY_FAILED), ("UNHEALTHY", ExitCode.UNHEALTHY)):
            if status in statuses:
                message = _message_of(application, status)
                return Failure(
                    code,
                    f"Application {application.name} is {status}{beside}: {message}",
                    f"`{WORKER_LOG}` shows more; `raylens rollback` goes back to the previous revision.",
                )
    return None


def _message_of(application: Application, status: str) -> str:
    """Serve's own words, those of the deployment that is to blame first."""
    blamed = [f"{one.name}: {one.message}" for one in application.deployments if one.status == status and one.message]
    return " ".join(blamed) or application.message or "Ray Serve does not say why"


def _of_pods(pods: Sequence[Trouble], cluster: str) -> Failure | None:
    """Of the cluster that is to serve and a trial's servers. No room is no failure: nodes may come in time."""
    for trouble in pods:
        counts = trouble.cluster in {cluster, ""} and trouble.component != "migration"
        if counts and trouble.kind not in {Kind.NO_ROOM, Kind.LOST}:
            return Failure(ExitCode.PODS_FAILED, f"Pod {trouble}", trouble.advice)
    return None
