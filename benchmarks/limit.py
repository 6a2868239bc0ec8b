"""The hardware limit: the throughput of this machine if serving had no overhead.

One process per core decodes, resizes and infers in a loop, using the code of the service but no network.
"""

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any, Final

import numpy as np

from models.runtimes.loading import load_runtime
from models.runtimes.runtime import Runtime
from models.spec import ModelSpec
from models.zoo import resolve_model
from serve_app.images.decoding import decode

BATCH: Final = 8
"""Images per model call; larger batches are no faster on one core."""

BARRIER_TIMEOUT_S: Final = 120.0
"""Maximum time until all processes have loaded the model, seconds."""


@dataclass(frozen=True, slots=True)
class Work:
    """Parameters of the measurement. ``runtime`` and ``precision`` are those reported by the service."""

    model: str
    runtime: str
    precision: str
    artifacts_dir: Path
    photos: list[bytes]
    seconds: float


@dataclass(frozen=True, slots=True)
class Limit:
    images_per_s: float
    """Total of all cores."""
    per_core: list[float]
    cores_got: float
    """CPU seconds per second that the processes received; less than the number of cores if other programs ran."""
    runtime: str
    precision: str


def cores() -> list[int]:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def measure(work: Work) -> Limit:
    """Measure on all cores concurrently. Raises RuntimeError if runtime or precision differ from those requested."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(cores()))
    with ProcessPoolExecutor(len(cores()), context, initializer=_set_barrier, initargs=(barrier,)) as pool:
        outcomes = list(pool.map(_loop, [work] * len(cores()), cores()))
    rates = [rate for rate, _, _, _ in outcomes]
    _, _, runtime, precision = outcomes[0]
    if (runtime, precision) != (work.runtime, work.precision):
        raise RuntimeError(
            f"The limit ran on {runtime} in {precision}, the service on {work.runtime} in {work.precision}."
        )
    return Limit(sum(rates), rates, sum(got for _, got, _, _ in outcomes), runtime, precision)


_barrier: Any = None
"""Set in each process of the pool, so that all of them start counting at the same time."""


def _set_barrier(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - the only way to pass a barrier to the processes of a pool
    _barrier = barrier


def _loop(work: Work, core: int) -> tuple[float, float, str, str]:
    """Images/s and CPU seconds per second of one core, runtime, precision. The barrier ensures one call per process."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    spec = resolve_model(work.model)
    runtime = load_runtime(
        spec, runtime=work.runtime, precision=work.precision, artifacts_dir=work.artifacts_dir, threads=1
    )
    _classify(runtime, spec, work.photos[:BATCH])
    _barrier.wait(BARRIER_TIMEOUT_S)
    images, started, cpu = 0, time.perf_counter(), time.process_time()
    while (elapsed := time.perf_counter() - started) < work.seconds:
        batch = [work.photos[(images + i) % len(work.photos)] for i in range(BATCH)]
        _classify(runtime, spec, batch)
        images += BATCH
    return images / elapsed, (time.process_time() - cpu) / elapsed, runtime.name, runtime.precision


def _classify(runtime: Runtime, spec: ModelSpec, batch: list[bytes]) -> None:
    rows = np.empty((len(batch), *spec.transform.shape), np.uint8)
    for row, data in zip(rows, batch, strict=True):
        _, row[:] = decode(data, spec.transform)
    runtime.predict(rows)
