"""Which release, and where."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Target:
    """Empty fields are what the kubeconfig says."""

    release: str = "raylens"
    namespace: str = ""
    context: str = ""
    kubeconfig: Path | None = None

    def options(self) -> Iterator[str]:
        """The same for Helm's command line."""
        if self.namespace:
            yield from ("--namespace", self.namespace)
        yield from self.cluster_options()

    def cluster_options(self) -> Iterator[str]:
        """Only what says which cluster."""
        if self.context:
            yield from ("--kube-context", self.context)
        if self.kubeconfig:
            yield from ("--kubeconfig", str(self.kubeconfig))
