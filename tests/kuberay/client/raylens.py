"""The command line with the API server of the tests."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from kuberay.clock import MonotonicClock
from serve_app.cli.main import app
from tests.kuberay.apiserver import ApiServer
from tests.kuberay.chart import CHART

DEV = ("--values", str(CHART / "values-dev.yaml"))
NAMESPACE = "vision"


class FastClock(MonotonicClock):
    """Skips the time that is slept, and runs KubeRay's operator instead."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._skipped = 0.0

    def now(self) -> float:
        return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        self._skipped += seconds
        self._server.operator.step(2)
        time.sleep(0.01)  # for the controllers in the background


@dataclass(frozen=True)
class CommandResult:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Raylens:
    """Runs ``raylens`` with a kubeconfig for the API server."""

    server: ApiServer
    kubeconfig: Path

    def run(self, command: str, *arguments: str, release: str = "raylens", typed: str = "") -> CommandResult:
        place = ("--release", release, "--namespace", NAMESPACE, "--kubeconfig", str(self.kubeconfig))
        return self.bare(command, *arguments, *place, typed=typed)

    def bare(self, *arguments: str, typed: str = "") -> CommandResult:
        """Without options for release, namespace and kubeconfig."""
        ended = CliRunner().invoke(app, arguments, input=typed, env={"COLUMNS": "250"})
        if ended.exception and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return CommandResult(ended.exit_code, ended.stdout, ended.stderr)

    def objects(self, kind: str) -> list[dict[str, Any]]:
        return self.server.store.list(kind, NAMESPACE)

    def service(self) -> dict[str, Any]:
        (found,) = self.objects("RayService")
        return found
