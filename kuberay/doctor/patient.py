"""What an examination has to go by."""

from dataclasses import dataclass

from kuberay.doctor.needs import Needs
from kuberay.helm import Helm, Revision
from kuberay.kubernetes_api import KubernetesApi, Manifest
from kuberay.observation import Observer


@dataclass(frozen=True)
class Patient:
    """A release, or one that is to be: then its history is empty."""

    helm: Helm
    observer: Observer
    history: tuple[Revision, ...]
    manifests: tuple[Manifest, ...]

    @property
    def api(self) -> KubernetesApi:
        return self.observer.api

    @property
    def namespace(self) -> str:
        return self.observer.api.namespace

    @property
    def needs(self) -> Needs:
        return Needs.of(self.manifests)
