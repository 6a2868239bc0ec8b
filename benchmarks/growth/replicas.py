"""More Classifiers: the throughput of 1, 2, 4 and 8 with a model that takes 20 ms, and of none that takes any time."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.growth.configuration import faked, read, write
from benchmarks.growth.loaded import Loaded, observe
from benchmarks.growth.thumbnails import thumbnails
from benchmarks.load import Workload
from benchmarks.service import Service

REPLICAS: Final = (1, 2, 4, 8)
IMAGE_MS: Final = 20.0
FREE: Final = 4
"""Classifiers of the run whose model takes no time."""

A_REPLICA: Final = 32
"""Connections: what may be under way at once for a Classifier, two calls of 16 images."""

STEPS: Final = len(REPLICAS) + 1
BUSY: Final = 0.9
"""Share from which on something counts as the limit."""

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Replicas:
    """One run of so many Classifiers."""

    replicas: int
    image_ms: float
    """The model's time for an image; 0: none."""
    run: Loaded

    @property
    def ideal(self) -> float | None:
        """Images/s, were there nothing but the model."""
        return self.replicas * 1e3 / self.image_ms if self.image_ms else None

    @property
    def ingress_busy(self) -> float:
        """Share of its one core: an ingress replica has one event loop."""
        return self.run.cores("Ingress")

    def limit(self, cores: int) -> str:
        """What holds the throughput where it is, on a machine of so many cores."""
        if self.ideal and self.run.images_per_s >= BUSY * self.ideal:
            return "the model"
        if self.ingress_busy >= BUSY:
            return "the ingress"
        return f"the {cores} cores" if self.run.machine_cores >= BUSY * cores else "waiting"


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
            return Replicas(number, image_ms, observe(service, workload, A_REPLICA * number, seconds))
