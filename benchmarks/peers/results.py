"""What a comparison found: every run of every round, as it goes into the JSON file and comes back from it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from benchmarks.load import Load
from benchmarks.peers.answers import Agreement
from benchmarks.peers.open_loop import Arrivals
from benchmarks.peers.sizes import LARGE, PHOTO, THUMBNAIL
from benchmarks.results import Machine, Spread

RAYLENS: Final = "raylens"
GOAL_MS: Final = 200.0
WANTED: Final = 0.95
"""Share of the requests to be answered within the goal."""


@dataclass(frozen=True, slots=True)
class Case:
    """One closed loop."""

    name: str
    size: str
    connections: int


CASES: Final = (
    Case("1 connection", PHOTO, 1),
    Case("16 connections", PHOTO, 16),
    Case("64 connections", PHOTO, 64),
    Case("64, thumbnails", THUMBNAIL, 64),
    Case("16, 12 megapixels", LARGE, 16),
)
ONE: Final = CASES[0]
FULL: Final = CASES[2]
HITS: Final = Case("64, cache hits", PHOTO, 64)
"""Of Raylens alone: no other system has a cache of answers."""

RATES: Final = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
"""Of the open loop, as shares of the machine's limit."""

HOPELESS: Final = 0.5
"""Below this share in time, higher rates are left out."""


@dataclass(frozen=True, slots=True)
class Run:
    """One closed loop of one round."""

    load: Load
    cpu_ms_per_image: float
    """Of all processes of the system."""
    other_cores: float
    """Taken by programs that have nothing to do with the measurement."""


@dataclass(frozen=True, slots=True)
class SystemRound:
    start_s: float
    """From the command to the first answer, the model compiled and all installed before."""
    closed: dict[str, Run]
    """By the name of the case."""
    arrivals: list[Arrivals]
    """Of the open loop, by ascending rate."""
    processes: int
    rss_mib: float
    pss_mib: float | None
    """Shared pages divided among those who share them; None where the system doesn't tell."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A system that is compared."""

    name: str
    title: str
    version: str
    engine: str
    batching: str
    wire: str
    agreement: Agreement | None
    """With Raylens' answers; None for Raylens itself."""


@dataclass(frozen=True, slots=True)
class Round:
    limits: dict[str, float]
    """Images/s of the machine, by size of the photos."""
    cores_got: float
    systems: dict[str, SystemRound]
    """By name."""


@dataclass(slots=True)
class Comparison:
    machine: Machine
    generator: str
    seconds: float
    """Length of each run."""
    model: dict[str, Any]
    """As Raylens reports it."""
    workers: int
    """Of each peer that has several."""
    threads: int
    """Of a model call of a peer."""
    photo_bytes: dict[str, float]
    """Mean size of a file, by size of the photos."""
    subjects: list[Subject]
    rounds: list[Round]
    left_out: dict[str, str] = field(default_factory=dict)
    """Title of a system → why there are no, or not all, figures of it."""
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @classmethod
    def read(cls, path: Path) -> "Comparison":
        """Raises OSError, or ValueError where it isn't such a file."""
        return TypeAdapter(cls).validate_json(path.read_bytes())

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def spread(self, name: str, of: Callable[[SystemRound], float]) -> Spread:
        """Over the rounds that the system was in."""
        return Spread.of([of(each.systems[name]) for each in self.rounds if name in each.systems])

    def rate(self, name: str, case: Case) -> Spread:
        """Images/s."""
        return self.spread(name, lambda system: system.closed[case.name].load.images_per_s)

    def share(self, name: str, case: Case) -> Spread:
        """Of the limit of the same round."""
        return Spread.of(
            [
                each.systems[name].closed[case.name].load.images_per_s / each.limits[case.size]
                for each in self.rounds
                if name in each.systems
            ]
        )

    def limit(self, size: str) -> Spread:
        return Spread.of([each.limits[size] for each in self.rounds])

    def to_best(self, value: Callable[[SystemRound], float], best: Callable[[list[float]], float]) -> Spread | None:
        """Raylens' value as a multiple of the best peer's of the same round; None without peers."""
        ratios = []
        for each in self.rounds:
            others = [value(system) for name, system in each.systems.items() if name != RAYLENS]
            if others and best(others):
                ratios.append(value(each.systems[RAYLENS]) / best(others))
        return Spread.of(ratios) if ratios else None
