"""Whether a release is ready, judged from the status that KubeRay reports and from its pods.

Helm's ``--wait`` accepts a RayService without a status, and its condition ``Ready`` stays true during an upgrade.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kuberay.errors import ReleaseNotReady
from kuberay.exit_codes import ExitCode
from kuberay.kubectl_commands import WORKER_LOG, resume_command
from kuberay.pod_problems import PodProblem, PodProblemKind
from kuberay.ray_service import RayClusterState, RayService, ServeApplicationState

FAILURE_GRACE_S: Final = {
    ExitCode.SUSPENDED: 0.0,
    ExitCode.INVALID: 10.0,
    ExitCode.INITIALIZING_TIMEOUT: 10.0,
    ExitCode.DEPLOY_FAILED: 20.0,
    ExitCode.PODS_FAILED: 90.0,
    ExitCode.UNHEALTHY: 120.0,
}
"""How long a failure must last without interruption before it counts, seconds: a status may be left over from before a
change, and the next image pull may succeed."""


@dataclass(frozen=True, slots=True)
class ReleaseFailure:
    code: ExitCode
    message: str
    advice: str

    def error(self) -> ReleaseNotReady:
        return ReleaseNotReady(self.code, self.message, self.advice)


@dataclass(frozen=True, slots=True)
class ReleaseReadiness:
    """Ready when there is nothing to wait for."""

    waits_for: tuple[str, ...] = ()
    failure: ReleaseFailure | None = None

    @property
    def is_ready(self) -> bool:
        return not self.waits_for and not self.failure

    @property
    def is_suspended(self) -> bool:
        return self.failure is not None and self.failure.code is ExitCode.SUSPENDED


def suspended_failure(rayservice: str) -> ReleaseFailure:
    message = "The release is suspended: nothing of it runs."
    return ReleaseFailure(ExitCode.SUSPENDED, message, f"`{resume_command(rayservice)}` resumes it.")


def readiness_of(service: RayService | None, problems: Sequence[PodProblem] = ()) -> ReleaseReadiness:
    """``service`` is None before Helm has created it."""
    if service is None:
        return ReleaseReadiness(("the RayService",))
    if service.suspend:
        return ReleaseReadiness(("`spec.suspend` to be false",), suspended_failure(service.name))
    missing = tuple(_missing(service))
    return ReleaseReadiness(missing, _failure(service, problems) if missing else None)


def _missing(service: RayService) -> Iterator[str]:
    if service.observed_generation < service.generation:
        yield f"KubeRay to process the change (generation {service.generation}, seen {service.observed_generation})"
    if service.condition("Suspended").is_true or service.condition("Suspending").is_true:
        yield "KubeRay to resume it"
    ready = service.condition("Ready")
    if not ready.is_true:
        yield f"an endpoint{f' ({ready.reason})' if ready.reason else ''}"
    if service.pending:
        percent = service.pending.traffic_percent
        yield f"the switch to the new cluster{'' if percent is None else f' ({percent} % of the requests)'}"
    elif service.condition("UpgradeInProgress").status != "False":
        yield "the end of the upgrade"
    if service.condition("RollbackInProgress").is_true:
        yield "the end of KubeRay's rollback"
    yield from _missing_in(service.newest, service.expected)


def _missing_in(cluster: RayClusterState | None, expected: Iterable[str]) -> Iterator[str]:
    if cluster is None:
        yield "a RayCluster"
        return
    if not cluster.applications:
        yield f"workers of {cluster.name} ({cluster.workers_available} of {cluster.workers_desired})"
        return
    known = {application.name for application in cluster.applications}
    yield from (f"application {name}" for name in expected if name not in known)
    yield from (_described(application) for application in cluster.applications if not application.is_up)


def _described(application: ServeApplicationState) -> str:
    unready = [f"{one.name} {one.status}" for one in application.deployments if one.status != "HEALTHY"]
    return f"application {application.name} ({', '.join([application.status or 'no status', *unready])})"


def _failure(service: RayService, problems: Sequence[PodProblem]) -> ReleaseFailure | None:
    ready = service.condition("Ready")
    if ready.reason == "ValidationFailed":
        return ReleaseFailure(
            ExitCode.INVALID, f"KubeRay rejects the RayService: {ready.message}", "Correct the values and deploy again."
        )
    if ready.reason == "InitializingTimeout":
        return ReleaseFailure(
            ExitCode.INITIALIZING_TIMEOUT,
            f"KubeRay abandoned the first cluster: {ready.message}",
            "It does not retry: find the reason with `raylens doctor`, then `raylens delete` and deploy again.",
        )
    if service.observed_generation < service.generation or service.newest is None:
        return _pod_failure(problems, "")
    return _pod_failure(problems, service.newest.name) or _application_failure(service, service.newest)


def _application_failure(service: RayService, cluster: RayClusterState) -> ReleaseFailure | None:
    note = "; the previous cluster continues to serve" if service.pending and service.active else ""
    for application in cluster.applications:
        statuses = {application.status, *(deployment.status for deployment in application.deployments)}
        for status, code in (("DEPLOY_FAILED", ExitCode.DEPLOY_FAILED), ("UNHEALTHY", ExitCode.UNHEALTHY)):
            if status in statuses:
                return ReleaseFailure(
                    code,
                    f"Application {application.name} is {status}{note}: {_failure_message(application, status)}",
                    f"`{WORKER_LOG}` shows more; `raylens rollback` goes back to the previous revision.",
                )
    return None


def _failure_message(application: ServeApplicationState, status: str) -> str:
    """Serve's messages, first those of the failed deployments."""
    messages = [f"{one.name}: {one.message}" for one in application.deployments if one.status == status and one.message]
    return " ".join(messages) or application.message or "Ray Serve gives no reason"


def _pod_failure(problems: Sequence[PodProblem], cluster: str) -> ReleaseFailure | None:
    """Of the cluster that is meant to serve and a trial's servers. Lack of room is no failure: nodes may be added."""
    for problem in problems:
        counts = problem.cluster in {cluster, ""} and problem.component != "migration"
        if counts and problem.kind not in {PodProblemKind.NO_ROOM, PodProblemKind.LOST}:
            return ReleaseFailure(ExitCode.PODS_FAILED, f"Pod {problem}", problem.advice)
    return None
