"""Runs Helm 3 or 4, the only writer of the release's objects."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from kuberay.errors import ClusterResourceNotFound, HelmUnavailable
from kuberay.helm_errors import helm_error
from kuberay.kubernetes_api import Manifest
from kuberay.release_target import ReleaseTarget

CHART: Final = Path(__file__).with_name("chart")
MIN_HELM_VERSION: Final = (3, 14)
"""The first with --reset-then-reuse-values."""

TICK_S: Final = 1.0
INTERRUPT_GRACE_S: Final = 20.0
"""Helm also receives Ctrl-C and records in the cluster that it was interrupted."""

COMPLETED: Final = frozenset({"deployed", "superseded"})


@dataclass(frozen=True, slots=True)
class ChartValues:
    """As on Helm's command line: later values override earlier ones."""

    files: tuple[Path, ...] = ()
    single: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    """Single values that are strings even if they look like numbers."""

    def options(self) -> Iterator[str]:
        for file in self.files:
            yield from ("--values", str(file))
        for value in self.single:
            yield from ("--set", value)
        for value in self.texts:
            yield from ("--set-string", value)

    def with_image(self, image: str) -> "ChartValues":
        """``image`` is repository:tag or repository@digest."""
        repository, _, digest = image.partition("@")
        path, colon, tag = repository.rpartition(":")
        has_tag = bool(colon) and "/" not in tag
        parts = (
            f"image.repository={path if has_tag else repository}",
            f"image.tag={tag if has_tag else ''}",
            f"image.digest={digest}",
        )
        return ChartValues(self.files, self.single, (*self.texts, *parts))


@dataclass(frozen=True, slots=True)
class HelmRevision:
    """``status`` is Helm's: deployed, superseded, failed, pending-upgrade and others."""

    number: int
    status: str
    chart: str
    description: str
    updated: str

    @property
    def is_pending(self) -> bool:
        """In progress, or its Helm was killed."""
        return self.status.startswith("pending-")


@dataclass(frozen=True)
class Helm:
    """``target`` names a namespace. Methods raise the DeployErrors of ``helm_errors``."""

    target: ReleaseTarget
    chart: Path = CHART
    program: Path = field(default_factory=lambda: find_helm(None))

    def version(self) -> str:
        """For example 4.1.4. Raises HelmUnavailable for one that is too old."""
        version = self._run("version", "--template", "{{.Version}}").strip().removeprefix("v")
        numbers = re.match(r"([0-9]+)\.([0-9]+)", version)
        if not numbers or (int(numbers[1]), int(numbers[2])) < MIN_HELM_VERSION:
            raise HelmUnavailable(
                f"{self.program} is Helm {version or 'of an unknown version'}.", "Install Helm 3.14 or later."
            )
        return version

    def chart_version(self) -> str:
        """Name and version as in Helm's history: raylens-0.1.0."""
        metadata = yaml.safe_load((self.chart / "Chart.yaml").read_text())
        return f"{metadata['name']}-{metadata['version']}"

    def render(self, values: ChartValues) -> str:
        """The manifests as YAML; sends no request to the cluster."""
        namespace = ("--namespace", self.target.namespace) if self.target.namespace else ()
        return self._run("template", self.target.release, str(self.chart), *namespace, *values.options())

    def upgrade(
        self, values: ChartValues, *options: str, timeout_s: float, tick: Callable[[], None] | None = None
    ) -> None:
        """``tick`` is called about every second while Helm runs."""
        command = ("upgrade", self.target.release, str(self.chart), *self.target.helm_options(), *values.options())
        self._run(*command, _timeout(timeout_s), *options, tick=tick)

    def rollback(self, revision: int, *, timeout_s: float) -> None:
        self._run("rollback", self.target.release, str(revision), *self.target.helm_options(), _timeout(timeout_s))

    def uninstall(self, *, timeout_s: float) -> None:
        self._run("uninstall", self.target.release, *self.target.helm_options(), _timeout(timeout_s))

    def history(self) -> list[HelmRevision]:
        """The oldest first; empty where there is no such release."""
        try:
            output = self._run("history", self.target.release, *self.target.helm_options(), "--output", "json")
        except ClusterResourceNotFound:
            return []
        return [_revision(item) for item in json.loads(output)]

    def manifests(self) -> list[Manifest]:
        """The release's objects without hooks."""
        return parse_manifests(self._run("get", "manifest", self.target.release, *self.target.helm_options()))

    def _run(self, *arguments: str, tick: Callable[[], None] | None = None) -> str:
        """Helm's output."""
        command = [str(self.program), *arguments]
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
        except OSError as error:
            raise HelmUnavailable(
                f"{self.program} cannot be run: {error.strerror}.", "Install Helm 3.14 or later."
            ) from None
        out, err = _output(process, tick)
        if process.returncode != 0:
            raise helm_error(err or out)
        return out


def _timeout(seconds: float) -> str:
    return f"--timeout={max(1, round(seconds))}s"


def find_helm(program: str | None) -> Path:
    """The named program, else RAYLENS_HELM, else ``helm`` on PATH. Raises HelmUnavailable."""
    name = program or os.environ.get("RAYLENS_HELM") or "helm"
    path = shutil.which(name)
    if path is None:
        raise HelmUnavailable(
            f"There is no program {name}.", "Install Helm 3.14 or later, or name it with --helm or RAYLENS_HELM."
        )
    return Path(path)


def parse_manifests(text: str) -> list[Manifest]:
    """The objects of a YAML stream."""
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def last_completed(history: Sequence[HelmRevision]) -> HelmRevision | None:
    return next((revision for revision in reversed(history) if revision.status in COMPLETED), None)


def _output(process: "subprocess.Popen[str]", tick: Callable[[], None] | None) -> tuple[str, str]:
    try:
        while True:
            try:
                return process.communicate(timeout=TICK_S)
            except subprocess.TimeoutExpired:
                if tick:
                    tick()
    except BaseException:
        try:
            process.wait(INTERRUPT_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def _revision(entry: dict[str, Any]) -> HelmRevision:
    texts = (str(entry.get(key, "")) for key in ("status", "chart", "description", "updated"))
    return HelmRevision(int(entry["revision"]), *texts)
