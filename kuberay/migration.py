"""The Job that migrates the database before the new version starts."""

import contextlib
from typing import Final

from kuberay.errors import DeployError, MigrationFailed
from kuberay.kubernetes_api import Manifest
from kuberay.pod_problems import COMPONENT_LABEL, PodProblem, pod_problems
from kuberay.release_reader import ReleaseReader
from kuberay.resource_paths import core_path
from kuberay.waiting import Progress

LOG_LINES: Final = 15


class MigrationWatcher:
    """Polls the Job's pods while Helm runs: at the deadline Kubernetes deletes the pod, and with it the reason."""

    def __init__(self, reader: ReleaseReader, progress: Progress) -> None:
        self._reader = reader
        self._progress = progress
        self._problem: PodProblem | None = None

    def poll(self) -> None:
        text = "Helm is running"
        with contextlib.suppress(DeployError):
            pods = self._pods()
            if pods:
                phase = (pods[-1].get("status") or {}).get("phase", "")
                text = f"The database is being migrated [{pods[-1]['metadata']['name']}: {phase}]"
            problems = pod_problems(pods)
            if problems:
                self._problem = problems[-1]
                text += f" – {self._problem}"
        self._progress.show(text)

    def explain(self, error: MigrationFailed) -> MigrationFailed:
        """Add the end of the log, or else the last problem of a pod."""
        log = ""
        with contextlib.suppress(DeployError):
            pods = self._pods()
            self._problem = next(iter(pod_problems(pods)), self._problem)
            log = self._end_of_log(pods)
        if log:
            return MigrationFailed(f"{error.message}\n{log}", error.advice)
        if self._problem:
            return MigrationFailed(f"{error.message} ({self._problem})", self._problem.advice)
        return error

    def _pods(self) -> list[Manifest]:
        """The oldest first."""
        pods = self._reader.pods(self._reader.manifest())
        found = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(COMPONENT_LABEL) == "migration"]
        return sorted(found, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))

    def _end_of_log(self, pods: list[Manifest]) -> str:
        if not pods:
            return ""
        api = self._reader.api
        path = f"{core_path('pods', api.namespace, pods[-1]['metadata']['name'])}/log"
        text = api.text(path, tailLines=str(LOG_LINES))
        return "\n".join(f"  {line}" for line in text.splitlines() if line.strip())
