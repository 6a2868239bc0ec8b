"""The Job that migrates the database before anything of a new version runs."""

import contextlib
from typing import Final

from kuberay import paths
from kuberay.errors import DeployError, MigrationFailed
from kuberay.kubernetes_api import Manifest
from kuberay.observation import Observer
from kuberay.pods import COMPONENT, Trouble, troubles
from kuberay.waiting import Progress

LINES: Final = 15
"""Of the end of its log."""


class Migration:
    """Watches it while Helm runs: when its time is over Kubernetes takes its pod away, and with it the reason."""

    def __init__(self, observer: Observer, progress: Progress) -> None:
        self._observer = observer
        self._progress = progress
        self._trouble: Trouble | None = None

    def look(self) -> None:
        """Show how far it is."""
        text = "Helm is at work"
        with contextlib.suppress(DeployError):
            pods = self._pods()
            if pods:
                phase = (pods[-1].get("status") or {}).get("phase", "")
                text = f"The database is migrated [{pods[-1]['metadata']['name']}: {phase}]"
            found = troubles(pods)
            if found:
                self._trouble = found[-1]
                text += f" – {self._trouble}"
        self._progress.show(text)

    def explained(self, error: MigrationFailed) -> MigrationFailed:
        """The error, with what the pods or their log told."""
        told = ""
        with contextlib.suppress(DeployError):
            pods = self._pods()
            self._trouble = next(iter(troubles(pods)), self._trouble)
            told = self._end_of_log(pods)
        if told:
            return MigrationFailed(f"{error.message}\n{told}", error.advice)
        if self._trouble:
            return MigrationFailed(f"{error.message} ({self._trouble})", self._trouble.advice)
        return error

    def _pods(self) -> list[Manifest]:
        """The oldest first."""
        manifest = self._observer.manifest()
        pods = self._observer.pods(manifest["metadata"]["name"] if manifest else self._observer.release)
        mine = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(COMPONENT) == "migration"]
        return sorted(mine, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))

    def _end_of_log(self, pods: list[Manifest]) -> str:
        if not pods:
            return ""
        api = self._observer.api
        text = api.text(paths.log(api.namespace, pods[-1]["metadata"]["name"]), tailLines=str(LINES))
        return "\n".join(f"  {line}" for line in text.splitlines() if line.strip())
