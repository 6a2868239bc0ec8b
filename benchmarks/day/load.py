"""How many images a second arrive, second by second: those that need the model, not those the cache answers."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

Rates = npt.NDArray[np.float64]
"""Images a second, one entry a second."""

HOUR_S: Final = 3600
QUIETEST_H: Final = 4.0
RISE_S: Final = 10


class BadLoad(ValueError):
    """The load cannot be used; the message is one line."""


@dataclass(frozen=True, slots=True)
class Load:
    """A day between its quietest hour, 4 in the morning, and its busiest, 4 in the afternoon, with bursts on top."""

    hours: float = 24.0
    base: float = 20.0
    """Images a second in the quietest hour."""
    peak: float = 400.0
    """In the busiest one, bursts aside."""
    bursts: int = 12
    burst: float = 300.0
    """Images a second a burst adds. It is there within 10 s, without a warning."""
    burst_s: float = 300.0

    def rates(self, chance: np.random.Generator) -> Rates:
        """``chance`` says when bursts come; the night of the first hours may have one as well."""
        seconds = np.arange(int(self.hours * HOUR_S))
        phase = 2 * np.pi * (seconds / HOUR_S - QUIETEST_H) / 24
        rates = self.base + (self.peak - self.base) * (0.5 - 0.5 * np.cos(phase)) ** 1.5
        for start in np.sort(chance.uniform(0, max(1.0, len(seconds) - self.burst_s), self.bursts)):
            since, until = seconds - start, start + self.burst_s - seconds
            rates = rates + self.burst * np.clip(np.minimum(since, until) / RISE_S, 0, 1)
        return rates


def read(path: Path) -> Rates:
    """One's own load: CSV lines of a time in seconds and images a second, held until the next line's time.

    Raises BadLoad.
    """
    try:
        with path.open(newline="") as file:
            rows = [(float(row[0]), float(row[1])) for row in csv.reader(file) if row and not row[0].startswith("#")]
    except (OSError, ValueError, IndexError) as error:
        raise BadLoad(f"{path}: {error}; wanted are lines of seconds,images a second") from None
    times, values = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.empty(0), np.empty(0))
    if len(rows) < 2 or np.any(np.diff(times) <= 0) or np.any(values < 0) or not np.all(np.isfinite(values)):
        raise BadLoad(f"{path}: wanted are two lines or more, in order of time, with rates from 0 on")
    seconds = np.arange(int(times[0]), int(times[-1]))
    return np.asarray(values[np.searchsorted(times, seconds, "right") - 1], np.float64)
