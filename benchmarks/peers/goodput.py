"""How much a system bears when answers have to be in time."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers.open_loop import Arrivals


@dataclass(frozen=True, slots=True)
class Capacity:
    """The greatest rate with enough answers in time."""

    rate: float
    """Requests a second."""
    bound: str = ""
    """``<`` where the lowest rate tried was too much already, ``≥`` where the highest was not."""

    def __str__(self) -> str:
        return f"{self.bound} {self.rate:.0f}".strip()


def capacity(arrivals: Sequence[Arrivals], wanted: float) -> Capacity:
    """Between the last rate that is borne and the first that isn't: where a line through both meets ``wanted``.

    ``arrivals``: by ascending rate, not empty. A rate above one that isn't borne doesn't count, were it borne by luck.
    """
    before = None
    for each in arrivals:
        if each.share < wanted:
            if before is None:
                return Capacity(each.rate, "<")
            way = (before.share - wanted) / (before.share - each.share)
            return Capacity(before.rate + way * (each.rate - before.rate))
        before = each
    return Capacity(arrivals[-1].rate, "≥")
