"""One day that can be run again, the same images each time, with other settings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.day.load import Rates
from benchmarks.day.outcome import Outcome
from benchmarks.day.plan import Machine, Plan, read
from benchmarks.day.simulation import simulate


@dataclass(frozen=True, slots=True)
class Experiment:
    values: tuple[Path, ...]
    """Files of chart values."""
    settings: tuple[str, ...]
    """As of ``helm --set``."""
    machine: Machine
    rates: Rates
    seed: int

    def plan(self, *settings: str) -> Plan:
        """With further ``settings``. Raises BadPlan."""
        return read(self.values, (*self.settings, *settings))

    def run(self, *settings: str, heard: Callable[[int], None] = lambda _: None) -> Outcome:
        """``heard`` gets each second."""
        return simulate(self.plan(*settings), self.machine, self.rates, np.random.default_rng(self.seed), heard)
