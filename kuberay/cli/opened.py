"""The release that a command's options name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kuberay.helm import Values
    from kuberay.observation import Observer
    from kuberay.release import Release
    from kuberay.target import Target


@dataclass(frozen=True, slots=True)
class Place:
    """As typed."""

    release: str
    namespace: str
    context: str
    kubeconfig: Path | None

    def target(self) -> "Target":
        from kuberay.target import Target

        return Target(self.release, self.namespace, self.context, self.kubeconfig)

    def observer(self) -> "Observer":
        """For what needs no Helm."""
        from kuberay.kubernetes_api import KubernetesApi
        from kuberay.observation import Observer

        return Observer(KubernetesApi(self.target()), self.release)


@contextmanager
def opened(place: Place, helm: str | None, chart: Path | None, as_json: bool) -> Iterator["Release"]:
    """With progress shown, and failures told in plain words."""
    from kuberay.cli.ending import ending
    from kuberay.cli.progress import progress
    from kuberay.release import Release

    with ending(as_json), progress() as shown:
        yield Release.of(place.target(), shown, helm, chart)


def values_of(files: list[Path] | None, single: list[str] | None, image: str = "") -> "Values":
    from kuberay.helm import Values

    values = Values(tuple(files or ()), tuple(single or ()))
    return values.with_image(image) if image else values
