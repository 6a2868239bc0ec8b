"""What a check of the doctor receives and returns."""

from dataclasses import dataclass
from enum import StrEnum

from kuberay.helm import Helm, HelmRevision
from kuberay.kubernetes_api import KubernetesApi, Manifest
from kuberay.release_reader import ReleaseReader


class CheckState(StrEnum):
    """A warning may be harmless."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    name: str
    state: CheckState
    detail: str
    advice: str = ""


def ok(name: str, detail: str) -> CheckResult:
    return CheckResult(name, CheckState.OK, detail)


def warning(name: str, detail: str, advice: str = "") -> CheckResult:
    return CheckResult(name, CheckState.WARNING, detail, advice)


def failed(name: str, detail: str, advice: str = "") -> CheckResult:
    return CheckResult(name, CheckState.FAILED, detail, advice)


@dataclass(frozen=True)
class CheckContext:
    """A release, or one that is still to be installed: then its history is empty."""

    helm: Helm
    reader: ReleaseReader
    history: tuple[HelmRevision, ...] = ()
    manifests: tuple[Manifest, ...] = ()

    @property
    def api(self) -> KubernetesApi:
        return self.reader.api

    @property
    def namespace(self) -> str:
        return self.reader.api.namespace

    @property
    def kinds(self) -> set[tuple[str, str]]:
        """API version and kind of every manifest."""
        return {(str(manifest["apiVersion"]), str(manifest["kind"])) for manifest in self.manifests}
