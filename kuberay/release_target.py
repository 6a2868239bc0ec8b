"""Which release, in which cluster and namespace."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReleaseTarget:
    """For empty fields the kubeconfig's defaults apply."""

    release: str = "raylens"
    namespace: str = ""
    context: str = ""
    kubeconfig: Path | None = None

    def helm_options(self) -> Iterator[str]:
        if self.namespace:
            yield from ("--namespace", self.namespace)
        if self.context:
            yield from ("--kube-context", self.context)
        if self.kubeconfig:
            yield from ("--kubeconfig", str(self.kubeconfig))
