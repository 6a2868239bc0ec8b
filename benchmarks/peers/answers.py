"""Whether two systems say the same of the same photos. Only then are their speeds worth comparing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from benchmarks.peers.wire import Answer

AT_ONCE: Final = 8
"""Photos asked for at once, so that batches form and answers that were mixed up are noticed."""

TOLERANCE: Final = {"OpenVINO": 0.02, "Keras": 0.05}
"""Greatest difference of a probability: batches of another size round otherwise, fp32 and bf16 more so."""


class Disagreement(RuntimeError):
    """The answers differ by more than rounding; the message says where."""


@dataclass(frozen=True, slots=True)
class Agreement:
    photos: int
    ties: int
    """Photos whose first two classes are as good as equal, and came the other way round."""
    largest_difference: float
    """Of a probability of one class."""


def asked(classify: Callable[[bytes], Answer], photos: list[bytes]) -> list[Answer]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(classify, photos))


def compared(expected: list[Answer], found: list[Answer], tolerance: float) -> Agreement:
    """Raises Disagreement."""
    if len(expected) != len(found):
        raise Disagreement(f"{len(found)} answers to {len(expected)} photos")
    ties, largest = 0, 0.0
    for number, (wanted, got) in enumerate(zip(expected, found, strict=True)):
        if not got:
            raise Disagreement(f"photo {number}: no classes")
        difference = _difference(wanted, got)
        largest = max(largest, difference)
        if difference > tolerance:
            raise Disagreement(f"photo {number}: a probability differs by {difference:.3f}: {wanted} against {got}")
        if wanted[0][0] != got[0][0]:
            if not _is_tie(wanted, got, tolerance):
                raise Disagreement(f"photo {number}: {got[0]} is first and not {wanted[0]}")
            ties += 1
    return Agreement(len(expected), ties, largest)


def _difference(wanted: Answer, got: Answer) -> float:
    """The largest, of classes that both name."""
    other = dict(got)
    return max((abs(share - other[index]) for index, share in wanted if index in other), default=1.0)


def _is_tie(wanted: Answer, got: Answer, tolerance: float) -> bool:
    return len(wanted) > 1 and wanted[1][0] == got[0][0] and wanted[0][1] - wanted[1][1] <= tolerance
