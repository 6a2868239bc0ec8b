from collections.abc import Iterator

import pytest

from kuberay.clock import Clock
from kuberay.errors import DeployError, TimedOut, Unreachable
from kuberay.exit_codes import ExitCode
from kuberay.observation import Observation
from kuberay.pods import Kind, Trouble
from kuberay.ray_service import RayService
from kuberay.readiness import judge
from kuberay.waiting import wait
from tests.kuberay.client.statuses import APPLICATION, cluster, condition, service

UP = service()
STARTING = service(condition("Ready", "False", "Initializing"))
BROKEN = service(status={"activeServiceStatus": cluster(application={**APPLICATION, "status": "DEPLOY_FAILED"})})
INVALID = service(condition("Ready", "False", "ValidationFailed", "wrong"))
SUSPENDED = service(suspend=True)


class Hand(Clock):
    """Moves when someone sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Shown:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def show(self, text: str) -> None:
        self.texts.append(text)


class Scene:
    """What the looks show one after the other; the last one stays."""

    def __init__(self, *looks, troubles: tuple[Trouble, ...] = ()) -> None:
        self._looks = list(looks)
        self._troubles = troubles
        self.clock = Hand()
        self.shown = Shown()
        self.count = 0

    def look(self) -> Observation:
        self.count += 1
        seen = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if isinstance(seen, DeployError):
            raise seen
        return Observation(RayService.of(seen) if seen else None, self._troubles, {"worker": (1, 2)})

    def wait(self, timeout_s: float = 900.0) -> Observation:
        return wait(self.look, lambda seen: judge(seen.service, seen.troubles), self.shown, self.clock, timeout_s)


def failing(scene: Scene, timeout_s: float = 900.0) -> DeployError:
    with pytest.raises(DeployError) as raised:
        scene.wait(timeout_s)
    return raised.value


def test_twice_in_a_row():
    scene = Scene(STARTING, UP, STARTING, UP, UP)
    assert scene.wait().service == RayService.of(UP)
    assert scene.count == 5


def test_what_is_shown():
    scene = Scene(None, STARTING, UP, UP)
    scene.wait()
    assert scene.shown.texts == [
        "Waiting for the RayService to be made [pods: worker 1/2]",
        "Waiting for an endpoint (Initializing) [pods: worker 1/2]",
        "Looking once more [pods: worker 1/2]",
    ]


@pytest.mark.parametrize(("seen", "code", "after_s"), [(BROKEN, 10, 20), (INVALID, 7, 10)])
def test_a_failure_that_lasts(seen, code: int, after_s: float):
    scene = Scene(seen)
    assert failing(scene).code == code
    assert scene.clock.seconds == pytest.approx(after_s, abs=2)


def test_a_failure_that_passes():
    """Left over from before a change."""
    scene = Scene(INVALID, INVALID, STARTING, INVALID, INVALID, UP)
    assert scene.wait()


def test_suspended_at_once():
    scene = Scene(SUSPENDED)
    assert failing(scene).code is ExitCode.SUSPENDED
    assert scene.count == 1


def test_no_time_left():
    error = failing(Scene(STARTING), 30)
    assert isinstance(error, TimedOut)
    assert "after 30 s" in error.message
    assert "an endpoint" in error.message
    assert "raylens wait" in error.advice


def test_no_time_left_and_no_room():
    lacking = Trouble("raylens-worker-1", "worker", "raylens-abcde", Kind.NO_ROOM, "Unschedulable: 0/3 nodes")
    error = failing(Scene(STARTING, troubles=(lacking,)), 30)
    assert error.code is ExitCode.PODS_FAILED
    assert "0/3 nodes" in error.message
    assert "No node has room" in error.advice


def test_no_time_left_with_a_failure():
    error = failing(Scene(BROKEN), 10)
    assert error.code is ExitCode.DEPLOY_FAILED


def test_a_cluster_that_is_silent_for_a_while():
    silence: Iterator[Unreachable] = (Unreachable("away") for _ in range(20))
    assert Scene(STARTING, *silence, UP).wait()


def test_a_cluster_that_stays_silent():
    scene = Scene(STARTING, Unreachable("away"))
    assert failing(scene).code is ExitCode.UNREACHABLE
    assert scene.clock.seconds == pytest.approx(62, abs=2)
    assert "Waiting for the cluster to answer" in scene.shown.texts
