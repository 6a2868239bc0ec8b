"""Waits for a release and shows what it waits for."""

from collections.abc import Callable
from typing import Final, Protocol

from kuberay.clock import MonotonicClock
from kuberay.errors import ClusterUnreachable, DeployError, ReleaseNotReady, WaitTimeout
from kuberay.exit_codes import ExitCode
from kuberay.pod_problems import PodProblem
from kuberay.readiness import FAILURE_GRACE_S, ReleaseFailure, ReleaseReadiness
from kuberay.release_reader import ReleaseSnapshot

POLL_INTERVAL_S: Final = 2.0
REQUIRED_READY_POLLS: Final = 2
"""In a row: KubeRay polls Ray Serve, so its status may be older than a change."""

UNREACHABLE_GRACE_S: Final = 60.0
"""How long the API server may be unreachable."""


class Progress(Protocol):
    def show(self, text: str) -> None:
        """Replace the text that was shown before."""


def wait_until_ready(
    read: Callable[[], ReleaseSnapshot],
    assess: Callable[[ReleaseSnapshot], ReleaseReadiness],
    progress: Progress,
    clock: MonotonicClock,
    timeout_s: float,
) -> ReleaseSnapshot:
    """Poll until ``assess`` reports ready, or until a failure has lasted.

    Raises ReleaseNotReady for such a failure and for a suspended release, WaitTimeout, and what ``read`` raises, except
    ClusterUnreachable within ``UNREACHABLE_GRACE_S``.
    """
    deadline = clock.now() + timeout_s
    ready_polls = 0
    grace = _GracePeriods(clock)
    while True:
        snapshot = grace.read(read)
        readiness = assess(snapshot) if snapshot else ReleaseReadiness(("the API server to respond",))
        ready_polls = ready_polls + 1 if readiness.is_ready else 0
        if snapshot and ready_polls >= REQUIRED_READY_POLLS:
            return snapshot
        grace.check(readiness.failure)
        progress.show(_progress_text(readiness, snapshot))
        if clock.now() >= deadline:
            raise _timeout_error(readiness, snapshot.problems if snapshot else (), timeout_s)
        clock.sleep(POLL_INTERVAL_S)


class _GracePeriods:
    """Since when the same failure has lasted, or the API server has been unreachable."""

    def __init__(self, clock: MonotonicClock) -> None:
        self._clock = clock
        self._failing: tuple[ExitCode, float] | None = None
        self._unreachable_since: float | None = None

    def read(self, read: Callable[[], ReleaseSnapshot]) -> ReleaseSnapshot | None:
        """None while the API server is unreachable. Raises ClusterUnreachable when that lasts."""
        try:
            snapshot = read()
        except ClusterUnreachable:
            now = self._clock.now()
            self._unreachable_since = now if self._unreachable_since is None else self._unreachable_since
            if now - self._unreachable_since >= UNREACHABLE_GRACE_S:
                raise
            return None
        self._unreachable_since = None
        return snapshot

    def check(self, failure: ReleaseFailure | None) -> None:
        """Raises ReleaseNotReady once the failure has lasted."""
        if failure is None:
            self._failing = None
            return
        if self._failing is None or self._failing[0] is not failure.code:
            self._failing = (failure.code, self._clock.now())
        if self._clock.now() - self._failing[1] >= FAILURE_GRACE_S[failure.code]:
            raise failure.error()


def _timeout_error(readiness: ReleaseReadiness, problems: tuple[PodProblem, ...], timeout_s: float) -> DeployError:
    text = f"Not ready after {timeout_s:.0f} s, waiting for {', '.join(readiness.waits_for) or 'a second poll'}"
    if readiness.failure:
        return ReleaseNotReady(readiness.failure.code, f"{text}. {readiness.failure.message}", readiness.failure.advice)
    if problems:
        listed = "; ".join(map(str, problems[:3]))
        return ReleaseNotReady(ExitCode.PODS_FAILED, f"{text}. {listed}", problems[0].advice)
    return WaitTimeout(
        f"{text}.",
        "The cluster continues without this command: `raylens wait` waits again, `raylens doctor` looks for problems.",
    )


def _progress_text(readiness: ReleaseReadiness, snapshot: ReleaseSnapshot | None) -> str:
    text = f"Waiting for {'; '.join(readiness.waits_for)}" if readiness.waits_for else "Confirming"
    if snapshot and snapshot.running:
        text += f" [pods: {snapshot.pod_summary()}]"
    if readiness.failure:
        text += f" – {readiness.failure.message}"
    elif snapshot and snapshot.problems:
        text += f" – {snapshot.problems[0]}"
    return text
