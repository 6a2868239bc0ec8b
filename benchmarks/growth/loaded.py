"""The service under a load: what was answered, and what each part of it took for that."""

from dataclasses import dataclass
from typing import Final

from benchmarks import load
from benchmarks.load import Load, LoadFailed, Workload
from benchmarks.processes import CpuTimes
from benchmarks.service import Service

LEAST_WARM_UP_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """One run."""

    load: Load
    images: int
    """In each request."""
    mean_batch: float
    """Images in a model call."""
    cpu_s: dict[str, float]
    """CPU seconds by part of the service."""
    seconds: float
    """In which those were taken."""
    machine_cores: float
    """Cores that all programs of the machine took."""
    other_cores: float
    """Of those, what neither the service nor the load generator took."""

    @property
    def images_per_s(self) -> float:
        return self.images * self.load.images_per_s

    @property
    def parts(self) -> list[str]:
        return sorted(self.cpu_s, key=lambda part: -self.cpu_s[part])

    def cores(self, part: str) -> float:
        """CPU seconds a second of a part."""
        return self.cpu_s.get(part, 0.0) / self.seconds

    def cpu_ms(self, part: str) -> float:
        """CPU milliseconds a part takes for an image."""
        return 1e3 * self.cores(part) / self.images_per_s

    def images_per_core(self, part: str) -> float:
        """Images/s for which a part takes one core."""
        return self.images_per_s / self.cores(part)


def observe(service: Service, workload: Workload, connections: int, seconds: float, images: int = 1) -> Loaded:
    """Load the service, a third of ``seconds`` before to warm it up. ``images``: in each request.

    Raises LoadFailed, also where nothing was answered or something refused: rates would then be of refusals.
    """
    load.run(service.url, workload, connections, max(LEAST_WARM_UP_S, seconds / 3))
    processes = service.processes()
    before = CpuTimes.of(processes)
    seen = load.run(service.url, workload, connections, seconds)
    used = before.until(CpuTimes.of(processes))
    if seen.errors or not seen.answers:
        raise LoadFailed(
            f"{connections} connections: {seen.answers} requests were answered, {seen.refused} refused, "
            f"{seen.failed} failed. The end of the log:\n{service.log_end()}"
        )
    return Loaded(
        load=seen,
        images=images,
        mean_batch=service.mean_batch_size(seen.seconds),
        cpu_s=used.by_part,
        seconds=used.seconds,
        machine_cores=used.machine / used.seconds,
        other_cores=used.other_cores(seen.client_cores * seen.seconds),
    )
