"""Verifies that two systems return the same results; otherwise their speeds are not comparable."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from benchmarks.peers.request_format import Answer

CONCURRENCY: Final = 8
"""Concurrent requests, so that batches form and mixed-up results are detected."""

TOLERANCE: Final = {"OpenVINO": 0.02, "Keras": 0.05}
"""Maximum difference of a probability. Rounding depends on batch size and precision."""

LEAST_TOP_1: Final = 0.95
"""Minimum share of photos whose class does not depend on how they are decoded and resized."""


class AnswerMismatch(RuntimeError):
    """Results differ by more than rounding; the message says where."""


@dataclass(frozen=True, slots=True)
class Agreement:
    photos: int
    ties: int
    """Photos whose first two classes have nearly equal probabilities and are swapped."""
    largest_difference: float
    """Largest difference of the probability of a class."""


def asked(classify: Callable[[bytes], Answer], photos: list[bytes]) -> list[Answer]:
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        return list(pool.map(classify, photos))


def compared(expected: list[Answer], found: list[Answer], tolerance: float) -> Agreement:
    """Raises AnswerMismatch."""
    if len(expected) != len(found):
        raise AnswerMismatch(f"{len(found)} answers to {len(expected)} photos")
    ties, largest = 0, 0.0
    for number, (wanted, got) in enumerate(zip(expected, found, strict=True)):
        if not got:
            raise AnswerMismatch(f"photo {number}: no classes")
        difference = _difference(wanted, got)
        largest = max(largest, difference)
        if difference > tolerance:
            raise AnswerMismatch(f"photo {number}: a probability differs by {difference:.3f}: {wanted} against {got}")
        if wanted[0][0] != got[0][0]:
            if not _is_tie(wanted, got, tolerance):
                raise AnswerMismatch(f"photo {number}: {got[0]} is first and not {wanted[0]}")
            ties += 1
    return Agreement(len(expected), ties, largest)


def top_1_agreement(expected: list[Answer], found: list[Answer]) -> float:
    """Share of photos with the same most probable class. Raises AnswerMismatch if it is below LEAST_TOP_1."""
    same = [bool(got) and wanted[0][0] == got[0][0] for wanted, got in zip(expected, found, strict=True)]
    share = sum(same) / max(1, len(same))
    if share < LEAST_TOP_1:
        raise AnswerMismatch(f"only {100 * share:.0f} % of the photos have the same class with plain preprocessing")
    return share


def _difference(wanted: Answer, got: Answer) -> float:
    """Largest difference over the classes that both results contain."""
    other = dict(got)
    return max((abs(share - other[index]) for index, share in wanted if index in other), default=1.0)


def _is_tie(wanted: Answer, got: Answer, tolerance: float) -> bool:
    return len(wanted) > 1 and wanted[1][0] == got[0][0] and wanted[0][1] - wanted[1][1] <= tolerance
