"""Replacements for the clock, the progress display, Helm and the cluster."""

from dataclasses import dataclass, field
from typing import Any

from kuberay.clock import MonotonicClock
from kuberay.errors import DeployError
from kuberay.helm import ChartValues, HelmRevision
from kuberay.ray_service import RayService
from kuberay.release_reader import ReleaseSnapshot
from kuberay.release_target import ReleaseTarget
from tests.kuberay.client.statuses import READY


class ManualClock(MonotonicClock):
    """Moves only by ``sleep``."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class RecordedProgress:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def show(self, text: str) -> None:
        self.texts.append(text)


def revision(number: int, status: str) -> HelmRevision:
    return HelmRevision(number, status, "raylens-0.1.0", "", "this morning")


def revisions(*statuses: str) -> list[HelmRevision]:
    return [revision(number, status) for number, status in enumerate(statuses, start=1)]


@dataclass
class FakeHelm:
    """Adds a revision for every upgrade and rollback."""

    revisions: list[HelmRevision] = field(default_factory=list)
    failure: DeployError | None = None
    writes: bool = True
    rolled_back_to: list[int] = field(default_factory=list)
    chart: str = "raylens-0.1.0"
    upgrade_options: tuple[str, ...] = ()
    target: ReleaseTarget = field(default_factory=lambda: ReleaseTarget(namespace="vision"))

    def history(self) -> list[HelmRevision]:
        return list(self.revisions)

    def chart_version(self) -> str:
        return self.chart

    def upgrade(self, values: ChartValues, *options: str, timeout_s: float, tick: Any = None) -> None:
        self.upgrade_options = options
        if self.writes:
            self._add("failed" if self.failure else "deployed")
        if self.failure:
            raise self.failure

    def rollback(self, revision: int, *, timeout_s: float) -> None:
        self.rolled_back_to.append(revision)
        self._add("deployed")

    def _add(self, status: str) -> None:
        self.revisions.append(revision(len(self.revisions) + 1, status))


class FakeReader:
    """Reports ``manifest`` until Helm has rolled back, then a ready release."""

    release = "raylens"

    def __init__(self, helm: FakeHelm, manifest: dict[str, Any]) -> None:
        self._helm = helm
        self._manifest = manifest

    def manifest(self) -> dict[str, Any]:
        return READY if self._helm.rolled_back_to else self._manifest

    def required_manifest(self) -> dict[str, Any]:
        return self.manifest()

    def pods(self, manifest: dict[str, Any] | None) -> list[dict[str, Any]]:
        return []

    def snapshot(self) -> ReleaseSnapshot:
        return ReleaseSnapshot(RayService.from_manifest(self.manifest()), (), {})
