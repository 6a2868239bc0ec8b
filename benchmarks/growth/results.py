"""All that a run of the growth benchmark found, as it goes into the JSON file, and medians over its rounds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from benchmarks.growth.bundles import BUNDLES, Bundles
from benchmarks.growth.loaded import Loaded
from benchmarks.growth.reads import Times
from benchmarks.growth.records import Recorded
from benchmarks.growth.replicas import Replicas
from benchmarks.load import BUSY
from benchmarks.results import LIBRARIES, NOISY, Machine, Spread

REPLICAS: Final = "replicas"
RECORDS: Final = "records"
REQUESTS: Final = "requests"
PARTS: Final = (REPLICAS, RECORDS, REQUESTS)
"""What can be measured by itself."""

GOAL_REPLICAS: Final = 3.6
"""Throughput of 4 × the replicas, as a multiple."""

GOAL_TOP: Final = 2.0
"""Time of the Top 10 with the most classifications, as a multiple of that with the fewest."""


@dataclass(slots=True)
class Growth:
    """The figures; a part that was not measured is empty."""

    machine: Machine
    generator: str
    seconds: float
    """Length of each run under load."""
    photo_bytes: float = 0.0
    """Mean size of the photos of ``requests``."""
    model: dict[str, Any] = field(default_factory=dict)
    """Of ``requests``, as the service reports it."""
    database: str = ""
    """Of ``records``."""
    replicas: list[list[Replicas]] = field(default_factory=list)
    """By round."""
    records: list[Recorded] = field(default_factory=list)
    """By size, ascending."""
    requests: list[Bundles] = field(default_factory=list)
    """By round."""
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: dict[str, str] = field(default_factory=lambda: {name: version(name) for name in LIBRARIES})

    @classmethod
    def read(cls, path: Path) -> "Growth":
        """Raises OSError, or ValueError where it isn't such a file."""
        return TypeAdapter(cls).validate_json(path.read_bytes())

    def as_json(self) -> str:
        return TypeAdapter(Growth).dump_json(self, indent=1).decode()

    @property
    def is_whole(self) -> bool:
        return bool(self.replicas and self.records and self.requests)

    def of_replicas(self, number: int, of: Callable[[Replicas], float]) -> Spread:
        """Over the rounds, of the run in this place: the last is that of the model that takes no time."""
        return Spread.of([of(each[number]) for each in self.replicas])

    def to_one_replica(self, number: int) -> Spread:
        """Images/s as a multiple of those of one replica in the same round."""
        return Spread.of([each[number].run.images_per_s / each[0].run.images_per_s for each in self.replicas])

    def of_requests(self, bundle: int, of: Callable[[Loaded], float]) -> Spread:
        return Spread.of([of(each.runs[bundle]) for each in self.requests])

    def to_single_images(self, bundle: int) -> Spread:
        """Images/s as a multiple of those of one image a request in the same round."""
        return Spread.of([each.runs[bundle].images_per_s / each.runs[1].images_per_s for each in self.requests])

    def of_alone(self, of: Callable[[Loaded], float]) -> float:
        return Spread.of([of(each.alone) for each in self.requests]).median

    def to_fewest(self, times: Callable[[Recorded], Times]) -> float:
        """The median with the most classifications, as a multiple of that with the fewest."""
        return times(self.records[-1]).median / times(self.records[0]).median

    def runs(self) -> list[tuple[str, Loaded]]:
        """Each run under load, named."""
        replicas = [
            (f"{each.replicas} Classifiers of {each.image_ms:g} ms", each.run)
            for round_ in self.replicas
            for each in round_
        ]
        requests = [
            (f"{bundle} images a request", round_.runs[bundle]) for round_ in self.requests for bundle in BUNDLES
        ]
        return [*replicas, *requests]

    def warnings(self) -> list[str]:
        """What to bear in mind when reading the figures."""
        told = {}
        for name, run in self.runs():
            if run.load.client_cores >= BUSY:
                told[f"{name}: {self.generator} was the bottleneck, it took {run.load.client_cores:.2f} of a core."] = 0
            if run.other_cores > NOISY * self.machine.cores:
                told[
                    f"{name}: other programs took {run.other_cores:.2f} of {self.machine.cores} cores, in one round at "
                    "least."
                ] = 0
        return list(told)
