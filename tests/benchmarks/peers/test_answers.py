"""Comparison of the results of two systems."""

import threading

import pytest

from benchmarks.peers.answers import Agreement, AnswerMismatch, asked, compared, top_1_agreement
from benchmarks.peers.request_format import Answer

EXPECTED: list[Answer] = [[(1, 0.9), (2, 0.05)], [(7, 0.41), (8, 0.40)]]


def test_equal_results():
    assert compared(EXPECTED, EXPECTED, 0.02) == Agreement(2, 0, 0.0)


def test_rounding_differences_are_reported():
    found = compared(EXPECTED, [[(1, 0.89), (2, 0.05)], EXPECTED[1]], 0.02)
    assert found.largest_difference == pytest.approx(0.01)


def test_ties_may_be_swapped():
    assert compared(EXPECTED, [EXPECTED[0], [(8, 0.405), (7, 0.404)]], 0.02).ties == 1


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ([EXPECTED[0]], "1 answers to 2"),
        ([EXPECTED[0], []], "no classes"),
        ([[(1, 0.8), (2, 0.05)], EXPECTED[1]], "differs by 0.100"),
        ([[(2, 0.06), (1, 0.89)], EXPECTED[1]], "photo 0: .* is first"),
        ([EXPECTED[1], EXPECTED[0]], "photo 0"),
        ([[(5, 0.9)], EXPECTED[1]], "photo 0"),
    ],
)
def test_different_results_are_rejected(found: list[Answer], reason: str):
    with pytest.raises(AnswerMismatch, match=reason):
        compared(EXPECTED, found, 0.02)


def test_plain_preprocessing_may_change_few_classes():
    expected: list[Answer] = [[(number, 0.9)] for number in range(100)]
    assert top_1_agreement(expected, [[(7, 0.5)], *expected[1:]]) == 0.99
    with pytest.raises(AnswerMismatch, match="only 90 %"):
        top_1_agreement(expected, [*[[(200, 0.5)]] * 10, *expected[10:]])


def test_photos_are_requested_concurrently_and_returned_in_order():
    together = threading.Barrier(4, timeout=10)

    def classify(photo: bytes) -> Answer:
        together.wait()
        return [(photo[0], 1.0)]

    assert asked(classify, [bytes([number]) for number in range(8)]) == [[(number, 1.0)] for number in range(8)]
