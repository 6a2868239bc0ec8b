"""Opens the release that a command's options name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kuberay.cli.exit import exit_on_deploy_error
from kuberay.cli.progress import show_progress
from kuberay.release_target import ReleaseTarget

if TYPE_CHECKING:
    from kuberay.helm import ChartValues
    from kuberay.release import Release
    from kuberay.release_reader import ReleaseReader


@contextmanager
def open_release(target: ReleaseTarget, helm: str | None, chart: Path | None, as_json: bool) -> Iterator["Release"]:
    """Shows progress, and ends the process on a DeployError."""
    with exit_on_deploy_error(as_json), show_progress() as progress:
        from kuberay.release import Release

        yield Release.open(target, progress, helm, chart)


def open_reader(target: ReleaseTarget) -> "ReleaseReader":
    """For commands without Helm."""
    from kuberay.kubernetes_api import KubernetesApi
    from kuberay.release_reader import ReleaseReader

    return ReleaseReader(KubernetesApi(target), target.release)


def chart_values(files: list[Path] | None, single: list[str] | None, image: str = "") -> "ChartValues":
    from kuberay.helm import ChartValues

    values = ChartValues(tuple(files or ()), tuple(single or ()))
    return values.with_image(image) if image else values
