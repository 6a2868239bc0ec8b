"""Results of the comparison of two checkouts: all measurements by round, and ratios within a round."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks.load import CLIENT_BOTTLENECK
from benchmarks.results import NOISY, Machine, Run, Spread

BEFORE: Final = "before"
AFTER: Final = "after"
SIDES: Final = (BEFORE, AFTER)

Value = Callable[[Run], float]


@dataclass(frozen=True, slots=True)
class Side:
    """A checkout."""

    folder: str
    revision: str
    start_s: float
    """From the command to the first response, seconds; measured once, possibly with building the model."""
    model: dict[str, Any]
    """As reported by the service."""


@dataclass(slots=True)
class Duel:
    """All results, as written to the JSON file."""

    machine: Machine
    generator: str
    seconds: float
    """Length of each run."""
    sides: dict[str, Side]
    rounds: list[dict[str, dict[str, Run]]] = field(default_factory=list)
    """For each round: load case → side → run."""
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def cases(self) -> list[str]:
        return list(self.rounds[0])

    def spread(self, case: str, side: str, value: Value) -> Spread:
        return Spread.of([value(each[case][side]) for each in self.rounds])

    def ratio(self, case: str, value: Value) -> Spread:
        """After relative to before, within each round."""
        return Spread.of([value(each[case][AFTER]) / (value(each[case][BEFORE]) or 1.0) for each in self.rounds])

    def components(self) -> list[str]:
        """Names of the components of either side, the most expensive first."""
        used: dict[str, float] = {}
        for run in self._runs():
            for name, ms in run.cpu_ms_per_image.items():
                used[name] = used.get(name, 0.0) + ms
        return sorted(used, key=lambda name: -used[name])

    def _runs(self) -> list[Run]:
        return [run for each in self.rounds for sides in each.values() for run in sides.values()]

    def errors(self) -> int:
        """Number of refused or failed requests."""
        return sum(run.load.errors for run in self._runs())

    def warnings(self) -> list[str]:
        """Problems that affect the validity of the results."""
        warnings = [text for case in self.cases for side in SIDES for text in self._warnings_of(case, side)]
        if self.errors():
            warnings.append(f"{self.errors()} requests were refused or failed, so the results are invalid.")
        return warnings

    def _warnings_of(self, case: str, side: str) -> list[str]:
        client = self.spread(case, side, lambda run: run.load.client_cores).median
        others = self.spread(case, side, lambda run: run.other_cores).median
        texts = [
            (client >= CLIENT_BOTTLENECK, f"{self.generator} is the bottleneck; it used {client:.2f} of its one core."),
            (
                others > NOISY * self.machine.cores,
                f"other programs used {others:.2f} of {self.machine.cores} cores; rely on CPU ms per image.",
            ),
        ]
        return [f"{case}, {side}: {text}" for applies, text in texts if applies]

    def as_json(self) -> str:
        ratios = {
            case: {name: asdict(self.ratio(case, value)) for name, value in MEASURES.items()} for case in self.cases
        }
        return json.dumps(asdict(self) | {"ratios": ratios, "warnings": self.warnings()}, indent=1)


def cpu_ms(run: Run) -> float:
    """CPU milliseconds per image of all components of the service."""
    return sum(run.cpu_ms_per_image.values())


MEASURES: Final[dict[str, Value]] = {
    "images_per_s": lambda run: run.load.images_per_s,
    "median_ms": lambda run: run.load.median_ms,
    "p99_ms": lambda run: run.load.p99_ms,
    "cpu_ms_per_image": cpu_ms,
}
