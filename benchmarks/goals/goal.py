"""A goal, and a result that is compared with it."""

from dataclasses import dataclass
from typing import Final

from benchmarks.results import Spread

LEAST_ROUNDS: Final = 3
"""With fewer rounds, a result is a smoke test."""


@dataclass(frozen=True, slots=True)
class Goal:
    what: str
    bound: float
    at_most: bool
    unit: str = ""
    digits: int = 2
    """Decimal places of results."""

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}{self._unit}"

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""

    def is_met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def text(self, value: float) -> str:
        return f"{value:.{self.digits}f}{self._unit}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was measured for a goal."""

    goal: Goal
    value: Spread
    """Over the rounds; the median is compared with the goal."""
    rounds: int
    figure: str = ""
    """The measurements behind a ratio, for example ``91 of 130 images/s``."""
    disturbance: str = ""
    """Why the result is unreliable; empty if it is not."""

    @property
    def is_met(self) -> bool:
        return self.goal.is_met(self.value.median)

    @property
    def is_met_in_each_round(self) -> bool:
        worst = self.value.greatest if self.goal.at_most else self.value.least
        return self.goal.is_met(worst)

    @property
    def outcome(self) -> str:
        if not self.is_met:
            return "no"
        return "yes" if self.is_met_in_each_round else "yes, but not in each round"

    @property
    def flags(self) -> list[str]:
        """Reasons not to rely on the result."""
        few = [f"{self.rounds} round{'s' * (self.rounds > 1)} only"] if self.rounds < LEAST_ROUNDS else []
        return [*few, *([self.disturbance] if self.disturbance else [])]


def disturbance(other_cores: list[float], cores: int, share: float) -> str:
    """The flag of runs in which other programs used more than ``share`` of the ``cores``; empty if none did."""
    most = max(other_cores, default=0.0)
    return f"noisy: other programs used up to {most:.2f} of {cores} cores" if most > share * cores else ""
