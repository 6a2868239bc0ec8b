"""Results of the comparison, as written to and read from the JSON file."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from benchmarks.load import Load
from benchmarks.open_loop import Arrivals
from benchmarks.peers.answers import Agreement
from benchmarks.peers.sizes import LARGE, PHOTO, THUMBNAIL
from benchmarks.results import Machine, Spread

RAYLENS: Final = "raylens"
GOAL_MS: Final = 200.0
WANTED: Final = 0.95
"""Required share of responses within the goal."""


@dataclass(frozen=True, slots=True)
class Case:
    """One closed-loop load case."""

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
MEDIUM: Final = CASES[1]
FULL: Final = CASES[2]
SHIPPED_CASES: Final = (MEDIUM, FULL)
"""Also measured with peers that decode and resize as their documentation has it."""
HITS: Final = Case("64, cache hits", PHOTO, 64)
"""Raylens only; the other systems have no result cache."""

RATES: Final = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
"""Arrival rates of the open loop as shares of the hardware limit."""

MIN_SHARE: Final = 0.5
"""If fewer responses are in time, higher rates are skipped."""


@dataclass(frozen=True, slots=True)
class Run:
    """One closed loop of one round."""

    load: Load
    cpu_ms_per_image: float
    """Sum of all processes of the system."""
    other_cores: float
    """Cores used by programs unrelated to the measurement."""


@dataclass(frozen=True, slots=True)
class SystemRound:
    start_s: float
    """From the command to the first response, with compiled model and installed packages."""
    closed: dict[str, Run]
    """By the name of the case."""
    arrivals: list[Arrivals]
    """Open-loop results by ascending rate."""
    processes: int
    rss_mib: float
    pss_mib: float | None
    """Proportional set size; None if the operating system does not report it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A system in the comparison."""

    name: str
    title: str
    version: str
    engine: str
    batching: str
    request_format: str
    agreement: Agreement | None
    """Agreement with Raylens' results; None for Raylens itself."""


@dataclass(frozen=True, slots=True)
class Round:
    limits: dict[str, float]
    """Hardware limit in images/s by photo size."""
    cores_got: float
    systems: dict[str, SystemRound]
    """By name."""
    shipped: dict[str, dict[str, Run]] = field(default_factory=dict)
    """SHIPPED_CASES of the peers with their own preprocessing, by name of the peer and of the case."""


@dataclass(slots=True)
class Comparison:
    machine: Machine
    generator: str
    seconds: float
    """Length of each run."""
    model: dict[str, Any]
    """As Raylens reports it."""
    workers: int
    """Workers per peer."""
    threads: int
    """Threads per model call of a peer."""
    photo_bytes: dict[str, float]
    """Mean file size by photo size."""
    subjects: list[Subject]
    rounds: list[Round]
    left_out: dict[str, str] = field(default_factory=dict)
    """Title of an excluded system → reason."""
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @classmethod
    def read(cls, path: Path) -> "Comparison":
        """Raises OSError, or ValueError if the file has another format."""
        return TypeAdapter(cls).validate_json(path.read_bytes())

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def title(self, name: str) -> str:
        """Of a system."""
        return next(subject.title for subject in self.subjects if subject.name == name)

    def spread(self, name: str, of: Callable[[SystemRound], float]) -> Spread:
        """Spread over the rounds that include the system."""
        return Spread.of([of(each.systems[name]) for each in self.rounds if name in each.systems])

    def rate(self, name: str, case: Case) -> Spread:
        """Images/s."""
        return self.spread(name, lambda system: system.closed[case.name].load.images_per_s)

    def share(self, name: str, case: Case) -> Spread:
        """Throughput as a share of the hardware limit in the same round."""
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
        """Raylens' value relative to the best peer in the same round; None without peers."""
        ratios = []
        for each in self.rounds:
            others = [value(system) for name, system in each.systems.items() if name != RAYLENS]
            if others and best(others):
                ratios.append(value(each.systems[RAYLENS]) / best(others))
        return Spread.of(ratios) if ratios else None
