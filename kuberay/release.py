"""A release: what Helm does with it, and whether it then comes up."""

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from kuberay.clock import Clock
from kuberay.errors import Conflict, DeployError, MigrationFailed, NotFound
from kuberay.exit_codes import ExitCode
from kuberay.helm import CHART, Helm, Revision, Values, found, last_done
from kuberay.kubernetes_api import KubernetesApi
from kuberay.migration import Migration
from kuberay.observation import Observation, Observer
from kuberay.ray_service import RayService
from kuberay.readiness import Verdict, judge, suspended
from kuberay.target import Target
from kuberay.waiting import Progress, wait

ROLLBACK_S: Final = 900.0
"""For a rollback after a failure, whatever is left of the time that was given."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command; ``waited`` where it was seen to be up."""

    release: str
    namespace: str
    revision: int
    chart: str
    waited: bool


@dataclass(frozen=True)
class Release:
    """Helm, the cluster, and where people see how it goes. Every method raises DeployError of some kind."""

    helm: Helm
    observer: Observer
    progress: Progress
    clock: Clock

    @classmethod
    def of(cls, target: Target, progress: Progress, helm: str | None = None, chart: Path | None = None) -> "Release":
        """The release of a target. Raises NoHelm, and WrongUse where no kubeconfig leads to a cluster."""
        api = KubernetesApi(target)
        program = Helm(replace(target, namespace=api.namespace), chart or CHART, found(helm))
        return cls(program, Observer(api, target.release), progress, Clock())

    def deploy(
        self,
        values: Values,
        *,
        timeout_s: float,
        waits: bool = True,
        rolls_back: bool = False,
        options: tuple[str, ...] = (),
    ) -> Outcome:
        """Install or upgrade, and wait until it is up. ``options`` are Helm's."""
        before = self.helm.history()
        _refuse_while_under_way(before)
        give_up_at = self.clock.now() + timeout_s
        try:
            self._upgrade(values, timeout_s, options)
            self._check_not_suspended()
            if waits:
                self.wait(give_up_at - self.clock.now())
        except DeployError as error:
            if rolls_back and error.code is not ExitCode.SUSPENDED:
                self._take_back(error, before)
            raise
        return self.outcome(waited=waits)

    def wait(self, timeout_s: float) -> Observation:
        """Wait until the release is up."""
        return wait(self.observer.look, self.judged, self.progress, self.clock, max(1.0, timeout_s))

    def rollback(self, revision: int | None, *, timeout_s: float, waits: bool = True) -> Outcome:
        """Go back to a revision; without one, to the last before this one that Helm brought to its end."""
        history = self.helm.history()
        if not history:
            raise _no_release(self)
        wanted = revision or _before(history).number
        give_up_at = self.clock.now() + timeout_s
        self.progress.show(f"Helm goes back to revision {wanted}")
        self.helm.rollback(wanted, timeout_s=timeout_s)
        self._check_not_suspended()
        if waits:
            self.wait(give_up_at - self.clock.now())
        return self.outcome(waited=waits)

    def outcome(self, *, waited: bool) -> Outcome:
        newest = self.helm.history()[-1]
        target = self.helm.target
        return Outcome(target.release, target.namespace, newest.number, newest.chart, waited)

    def judged(self, observation: Observation) -> Verdict:
        return judge(observation.service, observation.troubles)

    def _upgrade(self, values: Values, timeout_s: float, options: tuple[str, ...]) -> None:
        migration = Migration(self.observer, self.progress)
        try:
            self.helm.upgrade(values, "--install", *options, timeout_s=timeout_s, tick=migration.look)
        except MigrationFailed as error:
            raise migration.explained(error) from None

    def _check_not_suspended(self) -> None:
        manifest = self.observer.manifest()
        if manifest and RayService.of(manifest).suspend:
            raise suspended(manifest["metadata"]["name"]).error()

    def _take_back(self, error: DeployError, before: list[Revision]) -> None:
        """Go back to what was before; ``error`` then says how that went."""
        good = last_done(before)
        with contextlib.suppress(DeployError):
            if self.helm.history() == before:
                return
        if good is None:
            error.advice = f"There is no revision to go back to. {error.advice}"
            return
        try:
            self.rollback(good.number, timeout_s=ROLLBACK_S)
            error.advice = f"Revision {good.number} is back and up. {error.advice}"
        except DeployError as failed:
            error.advice = f"Going back to revision {good.number} failed as well: {failed.message} {error.advice}"


def _refuse_while_under_way(history: list[Revision]) -> None:
    if history and history[-1].is_under_way:
        newest = history[-1]
        free = "`raylens rollback`" if last_done(history) else "`raylens delete`"
        raise Conflict(
            f"Revision {newest.number} is {newest.status} since {newest.updated}.",
            f"Wait for who deploys it; if nobody does, a Helm was killed, and {free} frees the release.",
        )


def _before(history: list[Revision]) -> Revision:
    """What a rollback without a revision goes back to."""
    good = last_done(history[:-1])
    if good is None:
        raise NotFound(
            f"Before revision {history[-1].number} there is none that was ever done.",
            "Deploy one that works, or take the release away with `raylens delete`.",
        )
    return good


def _no_release(release: Release) -> NotFound:
    target = release.helm.target
    return NotFound(
        f"There is no release {target.release} in namespace {target.namespace}.",
        "`helm list --all-namespaces` lists releases; name one with --release and --namespace.",
    )
