import pytest

from kuberay.errors import ClusterUnreachable, DeployError, WaitTimeout
from kuberay.exit_codes import ExitCode
from kuberay.pod_problems import PodProblem, PodProblemKind
from kuberay.ray_service import RayService
from kuberay.readiness import readiness_of
from kuberay.release_reader import ReleaseSnapshot
from kuberay.waiting import wait_until_ready
from tests.kuberay.client.fakes import ManualClock, RecordedProgress
from tests.kuberay.client.statuses import FAILED, READY, condition, service

STARTING = service(condition("Ready", "False", "Initializing"))
INVALID = service(condition("Ready", "False", "ValidationFailed", "wrong"))


class Polls:
    """Returns one status for each poll; the last one stays."""

    def __init__(self, *statuses, problems: tuple[PodProblem, ...] = ()) -> None:
        self._statuses = list(statuses)
        self._problems = problems
        self.clock = ManualClock()
        self.progress = RecordedProgress()
        self.count = 0

    def read(self) -> ReleaseSnapshot:
        self.count += 1
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if isinstance(status, DeployError):
            raise status
        service = RayService.from_manifest(status) if status else None
        return ReleaseSnapshot(service, self._problems, {"worker": (1, 2)})

    def wait(self, timeout_s: float = 900.0) -> ReleaseSnapshot:
        return wait_until_ready(
            self.read, lambda seen: readiness_of(seen.service, seen.problems), self.progress, self.clock, timeout_s
        )

    def error(self, timeout_s: float = 900.0) -> DeployError:
        with pytest.raises(DeployError) as raised:
            self.wait(timeout_s)
        return raised.value


def test_ready_twice_in_a_row():
    polls = Polls(STARTING, READY, STARTING, READY, READY)
    assert polls.wait().service == RayService.from_manifest(READY)
    assert polls.count == 5


def test_progress():
    polls = Polls(None, STARTING, READY, READY)
    polls.wait()
    assert polls.progress.texts == [
        "Waiting for the RayService [pods: worker 1/2]",
        "Waiting for an endpoint (Initializing) [pods: worker 1/2]",
        "Confirming [pods: worker 1/2]",
    ]


@pytest.mark.parametrize(("status", "code", "after_s"), [(FAILED, 10, 20), (INVALID, 7, 10)])
def test_lasting_failure(status, code: int, after_s: float):
    polls = Polls(status)
    assert polls.error().code == code
    assert polls.clock.seconds == pytest.approx(after_s, abs=2)


def test_passing_failure():
    """Left over from before a change."""
    assert Polls(INVALID, INVALID, STARTING, INVALID, INVALID, READY).wait()


def test_suspended_fails_at_once():
    polls = Polls(service(suspend=True))
    assert polls.error().code is ExitCode.SUSPENDED
    assert polls.count == 1


def test_timeout():
    error = Polls(STARTING).error(30)
    assert isinstance(error, WaitTimeout)
    assert "after 30 s" in error.message
    assert "an endpoint" in error.message
    assert "raylens wait" in error.advice


def test_timeout_with_a_pod_problem():
    problem = PodProblem("raylens-worker-1", "worker", "raylens-abcde", PodProblemKind.NO_ROOM, "0/3 nodes")
    error = Polls(STARTING, problems=(problem,)).error(30)
    assert error.code is ExitCode.PODS_FAILED
    assert "0/3 nodes" in error.message
    assert "No node has room" in error.advice


def test_timeout_with_a_failure():
    assert Polls(FAILED).error(10).code is ExitCode.DEPLOY_FAILED


def test_unreachable_for_a_while_and_again():
    errors = [ClusterUnreachable("no response") for _ in range(20)]
    assert Polls(STARTING, *errors, STARTING, *errors, READY).wait()


def test_unreachable_for_too_long():
    polls = Polls(STARTING, ClusterUnreachable("no response"))
    assert polls.error().code is ExitCode.UNREACHABLE
    assert polls.clock.seconds == pytest.approx(62, abs=2)
    assert "Waiting for the API server to respond" in polls.progress.texts
