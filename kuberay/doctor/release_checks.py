"""Checks of an installed release."""

from collections.abc import Iterator

from kuberay.doctor.check import CheckContext, CheckResult, failed, ok, warning
from kuberay.pod_problems import PodProblemKind
from kuberay.readiness import readiness_of
from kuberay.release import unlock_command


def helm_release(context: CheckContext) -> Iterator[CheckResult]:
    if not context.history:
        name = context.helm.target.release
        yield warning("Release", f"{name} is not installed", "Install it with `raylens deploy`.")
        return
    newest = context.history[-1]
    text = f"revision {newest.number} is {newest.status}"
    if newest.is_pending:
        unlock = unlock_command(context.history)
        yield failed("Release", text, f"If no other deployment runs, its Helm was killed: {unlock} frees the release.")
    elif newest.status != "deployed":
        yield warning("Release", f"{text}: {newest.description}", "Deploy again once the reason is fixed.")
    else:
        yield ok("Release", text)


def rayservice(context: CheckContext) -> Iterator[CheckResult]:
    snapshot = context.reader.snapshot()
    if snapshot.service is None:
        if context.history:
            yield failed("RayService", "is missing, though the release is installed", "`raylens deploy` restores it.")
        return
    readiness = readiness_of(snapshot.service, snapshot.problems)
    if readiness.failure:
        make = warning if readiness.is_suspended else failed
        yield make("RayService", readiness.failure.message, readiness.failure.advice)
    elif readiness.waits_for:
        text = f"is waiting for {'; '.join(readiness.waits_for)}"
        yield warning("RayService", text, "`raylens wait` waits until it is ready.")
    else:
        yield ok("RayService", "is ready, every application runs")


def pods(context: CheckContext) -> Iterator[CheckResult]:
    """At most one result for each pod."""
    snapshot = context.reader.snapshot()
    for problem in snapshot.problems:
        make = warning if problem.kind is PodProblemKind.LOST else failed
        yield make("Pod", str(problem), problem.advice)
    if snapshot.running and not snapshot.problems:
        yield ok("Pods", f"running: {snapshot.pod_summary()}")
