"""Runs the service under test: ``raylens serve`` with its own data folder, port and Ray."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import psutil

from benchmarks.checkout import HERE, Checkout
from benchmarks.command import ROOT
from models.artifacts import ensure_artifact
from models.zoo import resolve_model

ARTIFACTS: Final = ROOT / ".raylens" / "artifacts"
"""Shared by all runs, so that start-up times do not include building the model."""

STOP_S: Final = 60.0
DEFAULT_MODEL: Final = "efficientnet-lite0"


class ServiceFailed(RuntimeError):
    """The service did not start or respond as expected; the message says how."""


class Service:
    """Context manager that starts the service and waits for the first response.

    ``folder``: for data and logs. ``photo``: classified by the first request. ``config``: a different serve.yaml.
    ``settings``: additional environment variables. ``checkout``: the code to run.
    """

    def __init__(
        self,
        folder: Path,
        photo: bytes,
        config: Path | None = None,
        settings: Mapping[str, str] | None = None,
        checkout: Checkout = HERE,
    ) -> None:
        self.start_s = 0.0
        """From the command to the first response, seconds."""
        self.url = ""
        self._photo = photo
        self._log = folder / "serve.log"
        self._data = folder / "data"
        self._config = ["--config", str(config.absolute())] if config else []
        self._settings = dict(settings or {})
        self._checkout = checkout
        self._process: subprocess.Popen[str] | None = None

    @staticmethod
    def build_model() -> None:
        """Build the model's artifact if it does not exist yet."""
        ensure_artifact(resolve_model(DEFAULT_MODEL), ARTIFACTS)

    def __enter__(self) -> Self:
        self._data.mkdir(parents=True, exist_ok=True)
        if not (self._data / "artifacts").exists():
            artifacts = ARTIFACTS if self._checkout == HERE else self._checkout.artifacts
            artifacts.mkdir(parents=True, exist_ok=True)
            (self._data / "artifacts").symlink_to(artifacts)
        started = time.perf_counter()
        try:
            self.url = self._start()
            self.classify(self._photo)
        except BaseException:
            self._stop()
            raise
        self.start_s = time.perf_counter() - started
        return self

    def _start(self) -> str:
        """Start the process and return its URL."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAYLENS_", "RAY_"))}
        environment |= {"RAYLENS_DATA_DIR": str(self._data), "RAYLENS_FETCH_ALLOWED_NETWORKS": "127.0.0.0/8"}
        environment |= self._checkout.environment() | self._settings
        command = [
            str(self._checkout.python),
            "-m",
            "serve_app.cli.main",
            "serve",
            "--json",
            "--port",
            str(_free_port()),
        ]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [*command, *self._config],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._checkout.root,
            )
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("{"):  # Ray may print other lines before it
                return str(json.loads(line)["web"]).rstrip("/")
        raise ServiceFailed(f"raylens serve did not start:\n{self.log_end()}")

    def log_end(self) -> str:
        return self._log.read_text()[-2000:]

    def classify(self, photo: bytes) -> dict[str, Any]:
        """Classify a photo without the cache. Raises ServiceFailed."""
        return self._answer(
            httpx.post(
                f"{self.url}/api/v1/classifications",
                params={"cache": "off"},
                content=photo,
                timeout=60,
                trust_env=False,
            )
        )

    def classify_url(self, url: str) -> str:
        """Classify a URL and return the cache status: hit, miss or shared."""
        answer = httpx.post(f"{self.url}/api/v1/classifications", json={"image_url": url}, timeout=60, trust_env=False)
        self._answer(answer)
        return answer.headers["X-Cache"]

    def token(self) -> str:
        """Create a user and return an access token."""
        account = {"username": "bench", "password": f"only for {uuid.uuid4()}"}
        self._answer(httpx.post(f"{self.url}/auth/users/", json=account, timeout=10, trust_env=False))
        return str(
            self._answer(httpx.post(f"{self.url}/auth/token/login/", json=account, timeout=10, trust_env=False))[
                "auth_token"
            ]
        )

    def model(self) -> dict[str, Any]:
        """The served model: name, version, runtime, precision and more."""
        (model,) = self._answer(httpx.get(f"{self.url}/api/v1/models", timeout=10, trust_env=False))["items"]
        return dict(model)

    def mean_batch_size(self, window_s: float) -> float:
        """Mean number of images per model call over the last ``window_s``; 0 if there was none."""
        live = self._answer(
            httpx.get(
                f"{self.url}/api/v1/pipeline", params={"window_s": max(1.0, window_s)}, timeout=10, trust_env=False
            )
        )
        calls: dict[int, int] = {int(size): count for size, count in live["batch_sizes"].items()}
        return sum(size * count for size, count in calls.items()) / max(1, sum(calls.values()))

    @staticmethod
    def _answer(response: httpx.Response) -> dict[str, Any]:
        if not response.is_success:
            raise ServiceFailed(f"{response.request.url} answered {response.status_code}: {response.text[:500]}")
        return dict(response.json())

    def processes(self) -> list[psutil.Process]:
        """All processes of the service."""
        assert self._process
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        """Send SIGINT; kill the processes that remain after a timeout."""
        if self._process is None:
            return
        with self._process.stdout or contextlib.nullcontext():
            self._end(self._process)

    def _end(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is not None:
            return
        processes = self.processes()
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
        for process_left in psutil.wait_procs(processes, timeout=10)[1]:
            process_left.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
