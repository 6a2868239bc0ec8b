"""Helm, 3 or 4: the only writer of the release's objects."""

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

from kuberay.errors import NoHelm, NotFound
from kuberay.helm_errors import error_of
from kuberay.kubernetes_api import Manifest
from kuberay.target import Target

CHART: Final = Path(__file__).with_name("chart")
OLDEST: Final = (3, 14)
"""Helm reuses values over a chart's new defaults since then."""

TICK_S: Final = 1.0
ENDS_WITHIN_S: Final = 20.0
"""After Ctrl-C, which Helm gets as well, it notes in the cluster that it was stopped."""

DONE: Final = frozenset({"deployed", "superseded"})


@dataclass(frozen=True, slots=True)
class Values:
    """Files of values and single ones, later ones over earlier ones, as on Helm's command line."""

    files: tuple[Path, ...] = ()
    single: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    """Single ones that are no number, whatever they look like."""

    def options(self) -> Iterator[str]:
        for file in self.files:
            yield from ("--values", str(file))
        for value in self.single:
            yield from ("--set", value)
        for value in self.texts:
            yield from ("--set-string", value)

    def with_image(self, image: str) -> "Values":
        """``image`` is repository:tag or repository@sha256:…; no more is said of it elsewhere."""
        repository, _, digest = image.partition("@")
        path, colon, tag = repository.rpartition(":")
        has_tag = bool(colon) and "/" not in tag
        parts = (
            f"image.repository={path if has_tag else repository}",
            f"image.tag={tag if has_tag else ''}",
            f"image.digest={digest}",
        )
        return Values(self.files, self.single, (*self.texts, *parts))


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of a release; ``status`` is Helm's: deployed, superseded, failed, pending-upgrade and others."""

    number: int
    status: str
    chart: str
    app_version: str
    description: str
    updated: str

    @property
    def is_under_way(self) -> bool:
        """Or was, when its Helm was killed."""
        return self.status.startswith("pending-")


@dataclass(frozen=True)
class Helm:
    """``target`` has its namespace. Every method raises what ``helm_errors`` makes of Helm's words."""

    target: Target
    chart: Path = CHART
    program: Path = field(default_factory=lambda: found(None))

    def version(self) -> str:
        """Like 4.1.4. Raises NoHelm for one that is too old."""
        told = self._run("version", "--template", "{{.Version}}").strip().removeprefix("v")
        numbers = re.match(r"(\d+)\.(\d+)", told)
        if not numbers or (int(numbers[1]), int(numbers[2])) < OLDEST:
            raise NoHelm(f"{self.program} is Helm {told or 'of no known version'}.", "Install Helm 3.14 or later.")
        return told

    def chart_version(self) -> str:
        """Name and version of the chart, as Helm's history gives them: raylens-0.1.0."""
        told = yaml.safe_load((self.chart / "Chart.yaml").read_text())
        return f"{told['name']}-{told['version']}"

    def render(self, values: Values) -> str:
        """The manifests, as YAML; asks no cluster."""
        return self._run("template", self.target.release, str(self.chart), *self._namespace(), *values.options())

    def upgrade(self, values: Values, *options: str, timeout_s: float, tick: Callable[[], None] | None = None) -> None:
        """Install or upgrade. ``tick`` is called about every second meanwhile."""
        command = ("upgrade", self.target.release, str(self.chart), *self.target.options(), *values.options())
        self._run(*command, _timeout(timeout_s), *options, tick=tick)

    def rollback(self, revision: int, *, timeout_s: float) -> None:
        self._run("rollback", self.target.release, str(revision), *self.target.options(), _timeout(timeout_s))

    def uninstall(self, *, timeout_s: float) -> None:
        self._run("uninstall", self.target.release, *self.target.options(), _timeout(timeout_s))

    def history(self) -> list[Revision]:
        """The oldest first; empty where there is no such release."""
        try:
            told = self._run("history", self.target.release, *self.target.options(), "--output", "json")
        except NotFound:
            return []
        return [_revision(item) for item in json.loads(told)]

    def values(self) -> dict[str, Any]:
        """Those of the release, with the chart's defaults."""
        command = ("get", "values", self.target.release, *self.target.options(), "--all", "--output", "json")
        return dict(json.loads(self._run(*command)))

    def manifests(self) -> list[Manifest]:
        """What the release consists of, hooks left out."""
        return objects_of(self._run("get", "manifest", self.target.release, *self.target.options()))

    def _namespace(self) -> tuple[str, ...]:
        return ("--namespace", self.target.namespace) if self.target.namespace else ()

    def _run(self, *arguments: str, tick: Callable[[], None] | None = None) -> str:
        """What Helm prints."""
        command = [str(self.program), *arguments]
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
        except OSError as error:
            raise NoHelm(f"{self.program} cannot be run: {error.strerror}.", "Install Helm 3.14 or later.") from None
        out, err = _ended(process, tick)
        if process.returncode != 0:
            raise error_of(err or out)
        return out


def _timeout(seconds: float) -> str:
    return f"--timeout={max(1, round(seconds))}s"


def found(program: str | None) -> Path:
    """The Helm that is named, of RAYLENS_HELM, or on PATH. Raises NoHelm."""
    name = program or os.environ.get("RAYLENS_HELM") or "helm"
    path = shutil.which(name)
    if path is None:
        raise NoHelm(
            f"There is no {name} to be run.", "Install Helm 3.14 or later, or name it with --helm or RAYLENS_HELM."
        )
    return Path(path)


def objects_of(text: str) -> list[Manifest]:
    """The objects of a stream of YAML documents."""
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def last_done(history: Sequence[Revision]) -> Revision | None:
    """The newest that Helm brought to its end."""
    return next((revision for revision in reversed(history) if revision.status in DONE), None)


def _ended(process: "subprocess.Popen[str]", tick: Callable[[], None] | None) -> tuple[str, str]:
    try:
        while True:
            try:
                return process.communicate(timeout=TICK_S)
            except subprocess.TimeoutExpired:
                if tick:
                    tick()
    except BaseException:
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def _revision(told: dict[str, Any]) -> Revision:
    return Revision(
        int(told["revision"]),
        str(told["status"]),
        str(told.get("chart", "")),
        str(told.get("app_version", "")),
        str(told.get("description", "")),
        str(told.get("updated", "")),
    )
