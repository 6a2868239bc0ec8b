"""A run under load: responses, and CPU time by component."""

from dataclasses import dataclass

from benchmarks.load import Load, LoadFailed, Workload
from benchmarks.observation import observed
from benchmarks.service import Service


@dataclass(frozen=True, slots=True)
class LoadRun:
    """One run."""

    load: Load
    images: int
    """Images per request."""
    mean_batch: float
    """Mean number of images per model call."""
    cpu_s: dict[str, float]
    """CPU seconds by component of the service."""
    seconds: float
    """Length of the interval in which they were used."""
    machine_cores: float
    """Cores used by all programs on the machine."""
    other_cores: float
    """Cores used by programs other than the service and the load generator."""

    @property
    def images_per_s(self) -> float:
        return self.images * self.load.images_per_s

    @property
    def components(self) -> list[str]:
        return sorted(self.cpu_s, key=lambda component: -self.cpu_s[component])

    def cores(self, component: str) -> float:
        """CPU seconds per second used by a component."""
        return self.cpu_s.get(component, 0.0) / self.seconds

    def cpu_ms(self, component: str) -> float:
        """CPU milliseconds per image used by a component."""
        return 1e3 * self.cores(component) / self.images_per_s

    def images_per_core(self, component: str) -> float:
        """Images/s per core used by a component."""
        return self.images_per_s / self.cores(component)


def observe(service: Service, workload: Workload, connections: int, seconds: float, images: int = 1) -> LoadRun:
    """Run the load after a warm-up of a third of ``seconds``. ``images``: number per request.

    Raises LoadFailed if requests were refused or failed, or none succeeded.
    """
    seen, used = observed(service, workload, connections, seconds)
    if seen.errors or not seen.answers:
        raise LoadFailed(
            f"{connections} connections: {seen.answers} requests were answered, {seen.refused} refused, "
            f"{seen.failed} failed. Last lines of the log:\n{service.log_end()}"
        )
    return LoadRun(
        load=seen,
        images=images,
        mean_batch=service.mean_batch_size(seen.seconds),
        cpu_s=used.by_component,
        seconds=used.seconds,
        machine_cores=used.machine / used.seconds,
        other_cores=used.other_cores(seen.client_cores * seen.seconds),
    )
