"""A repeatable simulation: the same arrivals with different settings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.simulation.load import Rates
from benchmarks.simulation.outcome import Outcome
from benchmarks.simulation.plan import Machine, Plan, read
from benchmarks.simulation.simulate import simulate


@dataclass(frozen=True, slots=True)
class Experiment:
    values: tuple[Path, ...]
    """Chart values files."""
    settings: tuple[str, ...]
    """In the syntax of ``helm --set``."""
    machine: Machine
    rates: Rates
    seed: int

    def plan(self, *settings: str) -> Plan:
        """The configuration with additional ``settings``. Raises BadPlan."""
        return read(self.values, (*self.settings, *settings))

    def run(self, *settings: str, on_step: Callable[[int], None] = lambda _: None) -> Outcome:
        """``on_step`` is called with each second."""
        return simulate(self.plan(*settings), self.machine, self.rates, np.random.default_rng(self.seed), on_step)
