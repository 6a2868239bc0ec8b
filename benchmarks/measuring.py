"""One round: the service under each load case, then, after stopping it, the hardware limit."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks import limit
from benchmarks.load import LoadFailed, Workload
from benchmarks.observation import observed
from benchmarks.photo_server import serving
from benchmarks.processes import Memory, memory
from benchmarks.results import CASES, FULL_LOAD, HITS, Case, Round, Run
from benchmarks.service import ARTIFACTS, Service, ServiceFailed

STEPS: Final = len(CASES) + 2
"""Number of steps of a round, each reported to ``step``."""

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
    step("the limit of this machine")
    work = limit.Work(model["name"], model["runtime"], model["precision"], ARTIFACTS, plan.photos, plan.seconds)
    return Round(service.start_s, limit.measure(work), runs, held), model


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
