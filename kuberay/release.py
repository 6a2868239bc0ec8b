"""Deploys a release with Helm and waits until it is ready."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from kuberay.clock import MonotonicClock
from kuberay.errors import ClusterResourceNotFound, DeployError, MigrationFailed, ResourceConflict
from kuberay.exit_codes import ExitCode
from kuberay.helm import CHART, ChartValues, Helm, HelmRevision, find_helm, last_completed
from kuberay.kubernetes_api import KubernetesApi
from kuberay.migration import MigrationWatcher
from kuberay.ray_service import RayService
from kuberay.readiness import ReleaseReadiness, readiness_of, suspended_failure
from kuberay.release_reader import ReleaseReader, ReleaseSnapshot, no_such_release
from kuberay.release_target import ReleaseTarget
from kuberay.waiting import Progress, wait_until_ready

ROLLBACK_TIMEOUT_S: Final = 900.0
"""For a rollback after a failure, however much of the command's timeout is left."""


@dataclass(frozen=True, slots=True)
class DeployResult:
    """``waited``: the release was seen to be ready."""

    release: str
    namespace: str
    revision: int
    chart: str
    waited: bool


@dataclass(frozen=True)
class Release:
    """Every method raises a DeployError."""

    helm: Helm
    reader: ReleaseReader
    progress: Progress
    clock: MonotonicClock

    @classmethod
    def open(
        cls, target: ReleaseTarget, progress: Progress, helm: str | None = None, chart: Path | None = None
    ) -> "Release":
        """Raises HelmUnavailable, and InvalidUsage where no kubeconfig names a cluster."""
        api = KubernetesApi(target)
        program = Helm(replace(target, namespace=api.namespace), chart or CHART, find_helm(helm))
        return cls(program, ReleaseReader(api, target.release), progress, MonotonicClock())

    def deploy(
        self,
        values: ChartValues,
        *,
        timeout_s: float,
        waits: bool = True,
        rolls_back: bool = False,
        options: tuple[str, ...] = (),
    ) -> DeployResult:
        """Install or upgrade. ``options`` are Helm's."""
        history = self.helm.history()
        _refuse_pending(history)
        deadline = self.clock.now() + timeout_s
        try:
            self._upgrade(values, timeout_s, options)
            self._check_not_suspended()
            if waits:
                self.wait(deadline - self.clock.now())
        except DeployError as error:
            if rolls_back and error.code is not ExitCode.SUSPENDED:
                self._roll_back_after(error, history)
            raise
        return self.result(waited=waits)

    def wait(self, timeout_s: float) -> ReleaseSnapshot:
        return wait_until_ready(self.reader.snapshot, self.assess, self.progress, self.clock, max(1.0, timeout_s))

    def rollback(self, revision: int | None, *, timeout_s: float, waits: bool = True) -> DeployResult:
        """Without a revision: to the last completed one before the current one."""
        history = self.helm.history()
        if not history:
            raise no_such_release(self.helm.target.release, self.helm.target.namespace)
        number = revision or _previous(history).number
        deadline = self.clock.now() + timeout_s
        self.progress.show(f"Helm rolls back to revision {number}")
        self.helm.rollback(number, timeout_s=timeout_s)
        self._check_not_suspended()
        if waits:
            self.wait(deadline - self.clock.now())
        return self.result(waited=waits)

    def result(self, *, waited: bool) -> DeployResult:
        newest = self.helm.history()[-1]
        target = self.helm.target
        return DeployResult(target.release, target.namespace, newest.number, newest.chart, waited)

    def assess(self, snapshot: ReleaseSnapshot) -> ReleaseReadiness:
        return readiness_of(snapshot.service, snapshot.problems)

    def _upgrade(self, values: ChartValues, timeout_s: float, options: tuple[str, ...]) -> None:
        migration = MigrationWatcher(self.reader, self.progress)
        try:
            self.helm.upgrade(values, "--install", *options, timeout_s=timeout_s, tick=migration.poll)
        except MigrationFailed as error:
            raise migration.explain(error) from None

    def _check_not_suspended(self) -> None:
        manifest = self.reader.manifest()
        if manifest and RayService.from_manifest(manifest).suspend:
            raise suspended_failure(manifest["metadata"]["name"]).error()

    def _roll_back_after(self, error: DeployError, history: list[HelmRevision]) -> None:
        """Go back to what ran before; the advice of ``error`` then says whether that succeeded."""
        completed = last_completed(history)
        with contextlib.suppress(DeployError):
            if self.helm.history() == history:
                return
        if completed is None:
            error.advice = f"There is no revision to go back to. {error.advice}"
            return
        try:
            self.rollback(completed.number, timeout_s=ROLLBACK_TIMEOUT_S)
            error.advice = f"Revision {completed.number} is restored and ready. {error.advice}"
        except DeployError as failed:
            error.advice = f"The rollback to revision {completed.number} failed: {failed.message} {error.advice}"


def unlock_command(history: Sequence[HelmRevision]) -> str:
    """Frees a release whose Helm was killed."""
    return "`raylens rollback`" if last_completed(history) else "`raylens delete`"


def _refuse_pending(history: list[HelmRevision]) -> None:
    if history and history[-1].is_pending:
        raise ResourceConflict(
            f"Revision {history[-1].number} is {history[-1].status} since {history[-1].updated}.",
            f"Wait for the other deployment; if its Helm was killed, {unlock_command(history)} frees the release.",
        )


def _previous(history: list[HelmRevision]) -> HelmRevision:
    completed = last_completed(history[:-1])
    if completed is None:
        raise ClusterResourceNotFound(
            f"No revision before {history[-1].number} was completed.",
            "Deploy a working version, or uninstall the release with `raylens delete`.",
        )
    return completed
