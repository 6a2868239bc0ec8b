"""Runs real Helm and kubectl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.kuberay.apiserver.server import ApiServer
from tests.kuberay.chart import CHART, Values
from tests.kuberay.programs import bundled


@dataclass(frozen=True)
class Outcome:
    """``text`` is standard output and error."""

    code: int
    text: str
    output: str


class Terminal:
    """In the namespace ``vision``."""

    def __init__(self, server: ApiServer, major: int, folder: Path) -> None:
        """``major`` version of Helm, with the kubectl bundled with it; ``folder`` is the home."""
        self.server = server
        self.major = major
        config = server.kubeconfig(folder / "kubeconfig", namespace="vision")
        self._environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "KUBECONFIG": str(config)}

    def kubectl(self, *arguments: str, given: str = "") -> Outcome:
        """``given``: on its standard input."""
        return self._run("kubectl", *arguments, given=given)

    def helm(self, *arguments: str) -> Outcome:
        return self._run("helm", *arguments)

    def install(self, values: Values, *more: str) -> Outcome:
        return self.helm("install", "raylens", str(CHART), "--timeout", "20s", *values.arguments(), *more)

    def upgrade(self, values: Values, *more: str) -> Outcome:
        return self.helm("upgrade", "raylens", str(CHART), "--timeout", "20s", *values.arguments(), *more)

    def _run(self, program: str, *arguments: str, given: str = "") -> Outcome:
        done = subprocess.run(
            [str(bundled(program, self.major)), *arguments],
            env=self._environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Outcome(done.returncode, done.stdout + done.stderr, done.stdout)
