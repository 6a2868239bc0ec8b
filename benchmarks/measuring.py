"""One round: the service under each load case, then, after stopping it, the hardware limit."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks import limit, makefile, open_loop
from benchmarks.floor import measure as floor_of
from benchmarks.load import LoadFailed, Workload
from benchmarks.observation import observed
from benchmarks.photo_server import serving
from benchmarks.processes import CpuTimes, Memory, memory
from benchmarks.results import CASES, FULL_LOAD, HITS, MEDIUM, Case, Reduced, Round, Run
from benchmarks.serve_yaml import in_precision, read, write
from benchmarks.service import ARTIFACTS, Service, ServiceFailed
from models.errors import PrecisionUnavailable
from models.runtimes.openvino import check_processor

STEPS: Final = len(CASES) + 6
"""Maximum number of steps of a round, each reported to ``step``."""

SETTLE_S: Final = 3.0
"""Time until a service that was under load is idle."""

HITS_GOAL_MS: Final = 20.0
HITS_SHARE: Final = 0.5
"""Arrival rate of cache hits in the open loop, as a share of their throughput in the closed loop."""

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    photos: list[bytes]
    seconds: float
    """Length of each run, preceded by a warm-up of a third of it."""
    config: Path | None
    """A serve.yaml to use instead of the project's."""


@dataclass(frozen=True, slots=True)
class Requests:
    """The workloads: photos, or their URLs."""

    uncached: Workload
    hits: Workload
    urls: list[str]

    def of(self, case: Case, token: str) -> Workload:
        """``token`` is used by the cases that authenticate."""
        workload = self.hits if case.cached else self.uncached
        return replace(workload, token=token) if case.token else workload


@contextmanager
def requests(photos: list[bytes]) -> Iterator[Requests]:
    with ExitStack() as stack:
        urls = stack.enter_context(serving(photos))
        bodies = [json.dumps({"image_url": url}).encode() for url in urls]
        path = "/api/v1/classifications"
        yield Requests(
            stack.enter_context(Workload.of(f"{path}?cache=off", "image/jpeg", photos)),
            stack.enter_context(Workload.of(path, "application/json", bodies)),
            urls,
        )


def measure(plan: Plan, sent: Requests, step: Step) -> tuple[Round, dict[str, Any]]:
    """Return the round and the model as reported by the service. Raises ServiceFailed, LoadFailed or RuntimeError."""
    runs: dict[str, Run] = {}
    held: dict[str, Memory] = {}
    make_s = makefile.overhead_s()
    with tempfile.TemporaryDirectory(prefix="raylens-bench-") as folder:
        step("starting the service")
        with Service(Path(folder), plan.photos[0], plan.config) as service:
            model, token = service.model(), service.token()
            for case in CASES:
                step(case.name)
                if case is HITS:
                    fill_cache(service, sent.urls)
                runs[case.name] = _run(service, case, sent.of(case, token), plan.seconds)
                if case is FULL_LOAD:
                    held = memory(service.processes())
            step("cache hits, open loop")
            rate = HITS_SHARE * runs[HITS.name].load.images_per_s
            arrivals = open_loop.run(service.url, sent.hits, rate, plan.seconds, HITS_GOAL_MS)
            step("idle")
            idle = idle_cores(service, plan.seconds)
    step("the limit of this machine")
    work = _work(plan, model, model["precision"])
    limits = limit.measure(work)
    step("decoding, model and HTTP alone")
    floor = floor_of(work, sent.uncached)
    bf16 = _bf16(plan, model, sent, step)
    return Round(service.start_s, limits, runs, held, make_s, idle, arrivals, floor, bf16), model


def _work(plan: Plan, model: dict[str, Any], precision: str) -> limit.Work:
    return limit.Work(model["name"], model["runtime"], precision, ARTIFACTS, plan.photos, plan.seconds)


def idle_cores(service: Service, seconds: float) -> dict[str, float]:
    """Cores used by each component without requests."""
    time.sleep(SETTLE_S)
    before = CpuTimes.of(service.processes())
    time.sleep(seconds)
    used = before.until(CpuTimes.of(service.processes()))
    return {part: taken / used.seconds for part, taken in sorted(used.by_component.items())}


def _bf16(plan: Plan, model: dict[str, Any], sent: Requests, step: Step) -> Reduced | None:
    """Medium and full load in bf16, and the limit; None where it is no other precision or not available."""
    if model["runtime"] != "openvino" or model["precision"] == "bf16" or not _has_bf16():
        return None
    runs: dict[str, Run] = {}
    with tempfile.TemporaryDirectory(prefix="raylens-bench-") as folder:
        document = in_precision(read(plan.config) if plan.config else read(), "bf16")
        step("starting the service in bf16")
        with Service(Path(folder), plan.photos[0], write(document, Path(folder, "serve.yaml"))) as service:
            for case in (MEDIUM, FULL_LOAD):
                step(f"{case.name} in bf16")
                runs[case.name] = _run(service, case, sent.uncached, plan.seconds)
    return Reduced(limit.measure(_work(plan, model, "bf16")), runs)


def _has_bf16() -> bool:
    try:
        check_processor("bf16")
    except PrecisionUnavailable:
        return False
    return True


def fill_cache(service: Service, urls: list[str]) -> None:
    """Request each URL twice. Raises ServiceFailed if the second response is not a cache hit."""
    for url in urls:
        service.classify_url(url)
    outcomes = {service.classify_url(url) for url in urls}
    if outcomes != {"hit"}:
        raise ServiceFailed(
            f"Repeated requests of the same URLs had the cache status {', '.join(sorted(outcomes))}, expected hit."
        )


def _run(service: Service, case: Case, workload: Workload, seconds: float) -> Run:
    seen, used = observed(service, workload, case.connections, seconds)
    if not seen.answers:
        raise LoadFailed(
            f"{case.name}: no request succeeded within {seen.seconds:.0f} s; {seen.refused} were refused, "
            f"{seen.failed} failed. Last lines of the log:\n{service.log_end()}"
        )
    return Run(
        load=seen,
        mean_batch=service.mean_batch_size(seen.seconds),
        cpu_ms_per_image={part: 1e3 * taken / seen.answers for part, taken in sorted(used.by_component.items())},
        other_cores=used.other_cores(seen.client_cores * seen.seconds),
    )
