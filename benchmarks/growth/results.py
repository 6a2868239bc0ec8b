"""Results of the growth benchmark, as written to the JSON file, and medians over the rounds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from benchmarks.growth.load_run import LoadRun
from benchmarks.growth.reads import Times
from benchmarks.growth.records import Recorded
from benchmarks.growth.replicas import Replicas
from benchmarks.growth.request_sizes import IMAGES_PER_REQUEST, RequestSizes
from benchmarks.load import CLIENT_BOTTLENECK
from benchmarks.results import LIBRARIES, NOISY, Machine, Spread

REPLICAS: Final = "replicas"
RECORDS: Final = "records"
REQUESTS: Final = "requests"
PARTS: Final = (REPLICAS, RECORDS, REQUESTS)
"""Parts of the benchmark, which can be run separately."""

GOAL_REPLICAS: Final = 3.6
"""Minimum throughput of 4 × the replicas, as a multiple."""

GOAL_TOP: Final = 2.0
"""Maximum latency of the Top 10 with the most classifications, as a multiple of that with the fewest."""


@dataclass(slots=True)
class Growth:
    """All results; parts that were not run are empty."""

    machine: Machine
    generator: str
    seconds: float
    """Length of each run under load."""
    photo_bytes: float = 0.0
    """Mean size of the photos of ``requests``."""
    model: dict[str, Any] = field(default_factory=dict)
    """Model used by ``requests``, as reported by the service."""
    database: str = ""
    """Kind of database used by ``records``."""
    replicas: list[list[Replicas]] = field(default_factory=list)
    """By round."""
    records: list[Recorded] = field(default_factory=list)
    """By size, ascending."""
    requests: list[RequestSizes] = field(default_factory=list)
    """By round."""
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: dict[str, str] = field(default_factory=lambda: {name: version(name) for name in LIBRARIES})

    @classmethod
    def read(cls, path: Path) -> "Growth":
        """Raises OSError, or ValueError if the file has another format."""
        return TypeAdapter(cls).validate_json(path.read_bytes())

    def as_json(self) -> str:
        return TypeAdapter(Growth).dump_json(self, indent=1).decode()

    @property
    def is_complete(self) -> bool:
        return bool(self.replicas and self.records and self.requests)

    def of_replicas(self, number: int, of: Callable[[Replicas], float]) -> Spread:
        """Spread over the rounds of the run at index ``number``; the last one has the 0 ms model."""
        return Spread.of([of(each[number]) for each in self.replicas])

    def to_one_replica(self, number: int) -> Spread:
        """Throughput relative to one replica in the same round."""
        return Spread.of([each[number].run.images_per_s / each[0].run.images_per_s for each in self.replicas])

    def of_requests(self, count: int, of: Callable[[LoadRun], float]) -> Spread:
        return Spread.of([of(each.runs[count]) for each in self.requests])

    def to_single_images(self, count: int) -> Spread:
        """Throughput relative to one image per request in the same round."""
        return Spread.of([each.runs[count].images_per_s / each.runs[1].images_per_s for each in self.requests])

    def of_alone(self, of: Callable[[LoadRun], float]) -> float:
        return Spread.of([of(each.alone) for each in self.requests]).median

    def to_fewest(self, times: Callable[[Recorded], Times]) -> float:
        """Median with the most classifications relative to that with the fewest."""
        return times(self.records[-1]).median / times(self.records[0]).median

    def runs(self) -> list[tuple[str, LoadRun]]:
        """All runs under load with their names."""
        replicas = [
            (f"{each.replicas} Classifiers of {each.image_ms:g} ms", each.run)
            for round_ in self.replicas
            for each in round_
        ]
        requests = [
            (f"{count} images per request", round_.runs[count])
            for round_ in self.requests
            for count in IMAGES_PER_REQUEST
        ]
        return [*replicas, *requests]

    def warnings(self) -> list[str]:
        """Problems that affect the validity of the results."""
        messages = {}
        for name, run in self.runs():
            if run.load.client_cores >= CLIENT_BOTTLENECK:
                messages[
                    f"{name}: {self.generator} was the bottleneck; it used {run.load.client_cores:.2f} of a core."
                ] = 0
            if run.other_cores > NOISY * self.machine.cores:
                messages[
                    f"{name}: other programs used {run.other_cores:.2f} of {self.machine.cores} cores in at least one "
                    "round."
                ] = 0
        return list(messages)
