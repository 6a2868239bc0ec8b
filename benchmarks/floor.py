"""The CPU time of an image that no chain of calls can save: decoding, the model on a single image, and HTTP."""

import multiprocessing
import statistics
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import psutil

from benchmarks import load
from benchmarks.command import ROOT
from benchmarks.limit import Work
from benchmarks.load import LoadFailed, Workload
from benchmarks.processes import cpu_seconds
from models.runtimes.loading import load_runtime
from models.zoo import resolve_model
from serve_app.images.decoding import decode

WARM_UP: Final = 5
"""Images before the measurement."""


@dataclass(frozen=True, slots=True)
class Floor:
    """CPU milliseconds per image with one client."""

    decode_ms: float
    model_ms: float
    """With the threads of the service, one image per call."""
    http_ms: float
    """A FastAPI route that reads the photo and responds at once, in one process."""

    @property
    def total_ms(self) -> float:
        return self.decode_ms + self.model_ms + self.http_ms


def measure(work: Work, uploads: Workload) -> Floor:
    """A third of the time of ``work`` for HTTP. Raises LoadFailed."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        decode_ms, model_ms = pool.submit(_decode_and_infer, work).result()
    return Floor(decode_ms, model_ms, _http(uploads, max(1.0, work.seconds / 3)))


def _decode_and_infer(work: Work) -> tuple[float, float]:
    """Medians, because a preempted model call may take many times as long."""
    spec = resolve_model(work.model)
    runtime = load_runtime(spec, runtime=work.runtime, precision=work.precision, artifacts_dir=work.artifacts_dir)
    decoding: list[float] = []
    inferring: list[float] = []
    until = time.perf_counter() + work.seconds
    while len(decoding) <= WARM_UP or time.perf_counter() < until:
        photo = work.photos[len(decoding) % len(work.photos)]
        started = time.thread_time()  # not of the process, whose idle model threads may spin
        _, pixels = decode(photo, spec.transform)
        decoding.append(time.thread_time() - started)
        started = time.process_time()
        runtime.predict(pixels[np.newaxis])
        inferring.append(time.process_time() - started)
    return 1e3 * statistics.median(decoding[WARM_UP:]), 1e3 * statistics.median(inferring[WARM_UP:])


def _http(uploads: Workload, seconds: float) -> float:
    command = [sys.executable, "-m", "benchmarks.bare_http"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            assert server.stdout
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            load.run(url, uploads, 1, 1.0)
            process = psutil.Process(server.pid)
            before = cpu_seconds(process)
            seen = load.run(url, uploads, 1, seconds)
            used = cpu_seconds(process) - before
        finally:
            server.kill()
    if seen.errors or not seen.answers:
        raise LoadFailed(f"bare HTTP: {seen.answers} requests were answered, {seen.errors} were not.")
    return 1e3 * used / seen.answers
