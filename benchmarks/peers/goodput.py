"""The capacity of a system under a latency goal."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.open_loop import Arrivals


@dataclass(frozen=True, slots=True)
class Capacity:
    """The highest rate at which enough responses are in time."""

    rate: float
    """Requests per second."""
    bound: str = ""
    """``<`` if the lowest measured rate is already too high, ``≥`` if the highest is still sustained."""

    def __str__(self) -> str:
        return f"{self.bound} {self.rate:.0f}".strip()


def capacity(arrivals: Sequence[Arrivals], wanted: float) -> Capacity:
    """Interpolate between the last sustained rate and the first one that is not, at the share ``wanted``.

    ``arrivals``: by ascending rate, not empty. Rates above the first failure are ignored.
    """
    before = None
    for each in arrivals:
        if each.share < wanted:
            if before is None:
                return Capacity(each.rate, "<")
            fraction = (before.share - wanted) / (before.share - each.share)
            return Capacity(before.rate + fraction * (each.rate - before.rate))
        before = each
    return Capacity(arrivals[-1].rate, "≥")
