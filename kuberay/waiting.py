"""Waits for a release, telling meanwhile what for."""

from collections.abc import Callable
from typing import Final, Protocol

from kuberay.clock import Clock
from kuberay.errors import DeployError, NotReady, TimedOut, Unreachable
from kuberay.exit_codes import ExitCode
from kuberay.observation import Observation
from kuberay.pods import Trouble
from kuberay.readiness import PATIENCE_S, Failure, Verdict

PAUSE_S: Final = 2.0
IN_A_ROW: Final = 2
"""So often it has to look done: KubeRay asks Ray Serve from time to time, and may tell of the time before a change."""

SILENCE_S: Final = 60.0
"""So long the cluster may not answer."""

Judge = Callable[[Observation], Verdict]


class Progress(Protocol):
    """Where people see what is going on."""

    def show(self, text: str) -> None:
        """Show what is waited for, in place of what was shown before."""


def wait(
    look: Callable[[], Observation], judge: Judge, progress: Progress, clock: Clock, timeout_s: float
) -> Observation:
    """Wait until it is done, look by look.

    Raises NotReady for a failure that lasts and for a release that is suspended, TimedOut, and what ``look`` raises,
    but for Unreachable within ``SILENCE_S``.
    """
    give_up_at = clock.now() + timeout_s
    done = 0
    patience = _Patience(clock)
    while True:
        observation = patience.look(look)
        verdict = judge(observation) if observation else Verdict(("the cluster to answer",))
        done = done + 1 if verdict.is_done else 0
        if observation and done >= IN_A_ROW:
            return observation
        patience.test(verdict.failure)
        seen = observation.troubles if observation else ()
        progress.show(_told(verdict, observation))
        if clock.now() >= give_up_at:
            raise _late(verdict, seen, timeout_s)
        clock.sleep(PAUSE_S)


class _Patience:
    """Since when the same failure, or silence, has lasted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failing: tuple[ExitCode, float] | None = None
        self._silent_since: float | None = None

    def look(self, look: Callable[[], Observation]) -> Observation | None:
        """None while the cluster does not answer. Raises Unreachable when that lasts."""
        try:
            observation = look()
        except Unreachable:
            self._silent_since = self._clock.now() if self._silent_since is None else self._silent_since
            if self._clock.now() - self._silent_since >= SILENCE_S:
                raise
            return None
        self._silent_since = None
        return observation

    def test(self, failure: Failure | None) -> None:
        """Raises NotReady once it has lasted."""
        if failure is None:
            self._failing = None
            return
        if self._failing is None or self._failing[0] is not failure.code:
            self._failing = (failure.code, self._clock.now())
        if self._clock.now() - self._failing[1] >= PATIENCE_S[failure.code]:
            raise failure.error()


def _late(verdict: Verdict, troubles: tuple[Trouble, ...], timeout_s: float) -> DeployError:
    waited = f"Not done after {timeout_s:.0f} s; it waits for {', '.join(verdict.waits_for) or 'another look'}"
    if verdict.failure:
        return NotReady(verdict.failure.code, f"{waited}. {verdict.failure.message}", verdict.failure.advice)
    if troubles:
        told = "; ".join(str(trouble) for trouble in troubles[:3])
        return NotReady(ExitCode.PODS_FAILED, f"{waited}. {told}", troubles[0].advice)
    return TimedOut(
        f"{waited}.",
        "It goes on without this command: `raylens wait` waits on, `raylens doctor` looks for what is wrong.",
    )


def _told(verdict: Verdict, observation: Observation | None) -> str:
    text = f"Waiting for {'; '.join(verdict.waits_for)}" if verdict.waits_for else "Looking once more"
    if observation and observation.running:
        text += f" [pods: {observation.summary()}]"
    if verdict.failure:
        text += f" – {verdict.failure.message}"
    elif observation and observation.troubles:
        text += f" – {observation.troubles[0]}"
    return text
