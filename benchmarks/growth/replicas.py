"""Measures the throughput of 1, 2, 4 and 8 Classifiers with a 20 ms model, and of 4 with a 0 ms model."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.growth.configuration import faked
from benchmarks.growth.load_run import LoadRun, observe
from benchmarks.growth.thumbnails import thumbnails
from benchmarks.load import Workload
from benchmarks.serve_yaml import read, write
from benchmarks.service import Service

REPLICAS: Final = (1, 2, 4, 8)
IMAGE_MS: Final = 20.0
FREE: Final = 4
"""Number of Classifiers in the run with the 0 ms model."""

CONNECTIONS_PER_REPLICA: Final = 32
"""The number of images in flight per Classifier: two calls with 16 images."""

STEPS: Final = len(REPLICAS) + 1
SATURATED: Final = 0.9
"""Utilization from which a resource counts as the bottleneck."""

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Replicas:
    """One run with a number of Classifiers."""

    replicas: int
    image_ms: float
    """Latency of the model per image."""
    run: LoadRun

    @property
    def ideal(self) -> float | None:
        """Images/s of the model alone; None for a 0 ms model."""
        return self.replicas * 1e3 / self.image_ms if self.image_ms else None

    @property
    def ingress_busy(self) -> float:
        """Utilization of its event loop, 0 to 1."""
        return self.run.cores("Ingress")

    def limit(self, cores: int) -> str:
        """The bottleneck, on a machine with ``cores`` cores."""
        if self.ideal and self.run.images_per_s >= SATURATED * self.ideal:
            return "the model"
        if self.ingress_busy >= SATURATED:
            return "the Ingress"
        return f"the {cores} cores" if self.run.machine_cores >= SATURATED * cores else "waiting"


def measure(seconds: float, step: Step) -> list[Replicas]:
    """One round. Raises ServiceFailed or LoadFailed."""
    document = read()
    sent = thumbnails()
    with Workload.of("/api/v1/classifications?cache=off", "image/jpeg", sent) as workload:
        return [
            _run(document, (number, image_ms), workload, (sent[0], seconds), step)
            for number, image_ms in [*((number, IMAGE_MS) for number in REPLICAS), (FREE, 0.0)]
        ]


def _run(
    document: dict[str, Any], served: tuple[int, float], workload: Workload, first: tuple[bytes, float], step: Step
) -> Replicas:
    number, image_ms = served
    photo, seconds = first
    step(f"{number} Classifiers of {image_ms:g} ms")
    with tempfile.TemporaryDirectory(prefix="raylens-bench-") as folder:
        config = write(faked(document, number, image_ms), Path(folder, "serve.yaml"))
        with Service(Path(folder), photo, config) as service:
            return Replicas(number, image_ms, observe(service, workload, CONNECTIONS_PER_REPLICA * number, seconds))
