"""Two services in turn: checkouts whose service is a small HTTP server."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import measuring
from benchmarks.checkout import Checkout
from benchmarks.checkouts.measuring import Contest
from benchmarks.checkouts.results import AFTER, BEFORE, SIDES
from benchmarks.measuring import Plan
from benchmarks.results import Case
from tests.benchmarks.small_service import small_checkout


@pytest.fixture
def checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Checkout]:
    monkeypatch.setattr(Checkout, "artifacts", tmp_path / "artifacts")
    return {side: small_checkout(tmp_path / side, model=side) for side in SIDES}


def test_both_sides_are_loaded_in_turn_and_each_round_changes_the_order(checkouts: dict[str, Checkout]):
    plan, cases = Plan([b"a photo"], 1.0, None), [Case("2 connections", 2, cached=False)]
    steps: list[str] = []
    with ExitStack() as stack:
        sent = stack.enter_context(measuring.requests(plan.photos))
        contest = Contest.start(checkouts, plan, stack, steps.append)
        rounds = [contest.round(number, cases, sent, plan.seconds, steps.append) for number in (1, 2)]
    assert [contest.sides[side].model["name"] for side in SIDES] == [BEFORE, AFTER]
    assert steps[2:] == [f"2 connections, {side}" for side in (BEFORE, AFTER, AFTER, BEFORE)]
    for each in rounds:
        assert list(each["2 connections"]) == [BEFORE, AFTER]
        for run in each["2 connections"].values():
            assert run.load.errors == 0
            assert run.mean_batch == 2.0
            assert run.cpu_ms_per_image["raylens serve"] > 0
