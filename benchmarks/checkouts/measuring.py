"""Runs the services of two checkouts at the same time and loads one after the other.

Both run throughout, so that a disturbance of the machine affects both; one is idle while the other is measured, and its
CPU time is not counted as that of other programs. Each round changes which is first.
"""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checkout import Checkout
from benchmarks.checkouts.results import AFTER, BEFORE, SIDES, Side
from benchmarks.load import LoadFailed
from benchmarks.measuring import Plan, Requests, Step, fill_cache
from benchmarks.observation import observe, warm_up
from benchmarks.processes import CpuTimes
from benchmarks.results import Case, Run
from benchmarks.service import Service


@dataclass(frozen=True, slots=True)
class Contest:
    """The two services, running."""

    services: dict[str, Service]
    """By side."""
    sides: dict[str, Side]

    @classmethod
    def start(cls, checkouts: dict[str, Checkout], plan: Plan, stack: ExitStack, step: Step) -> "Contest":
        """Start both; they stop with ``stack``. Raises ServiceFailed."""
        services, sides = {}, {}
        for name, checkout in checkouts.items():
            step(f"Starting {name}: {checkout.root}")
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="raylens-bench-")))
            service = stack.enter_context(Service(folder, plan.photos[0], plan.config, checkout=checkout))
            services[name] = service
            sides[name] = Side(str(checkout.root), checkout.revision(), service.start_s, service.model())
        return cls(services, sides)

    def fill_caches(self, urls: list[str]) -> None:
        for service in self.services.values():
            fill_cache(service, urls)

    def round(
        self, number: int, cases: list[Case], sent: Requests, seconds: float, step: Step
    ) -> dict[str, dict[str, Run]]:
        """Load case → side → run. Raises LoadFailed."""
        order = SIDES if number % 2 else SIDES[::-1]
        runs: dict[str, dict[str, Run]] = {}
        for case in cases:
            found = {}
            for side in order:
                step(f"{case.name}, {side}")
                found[side] = self._run(side, case, sent, seconds)
            runs[case.name] = {side: found[side] for side in SIDES}
        return runs

    def _run(self, side: str, case: Case, sent: Requests, seconds: float) -> Run:
        service, idle = self.services[side], self.services[BEFORE if side == AFTER else AFTER]
        workload = sent.of(case, token="")
        warm_up(service, workload, case.connections, seconds)
        before = CpuTimes.of(idle.processes())
        seen, used = observe(service, workload, case.connections, seconds)
        idle_s = before.until(CpuTimes.of(idle.processes())).total
        if not seen.answers:
            raise LoadFailed(f"{case.name}, {side}: no request succeeded. Last lines of the log:\n{service.log_end()}")
        return Run(
            load=seen,
            mean_batch=service.mean_batch_size(seen.seconds),
            cpu_ms_per_image={part: 1e3 * taken / seen.answers for part, taken in sorted(used.by_component.items())},
            other_cores=used.other_cores(seen.client_cores * seen.seconds + idle_s),
        )
