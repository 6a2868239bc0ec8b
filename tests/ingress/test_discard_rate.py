"""How fast unwanted bodies are discarded."""

from serve_app.ingress.discard_rate import LONGEST_WAIT_S, DiscardRate
from tests.clock import MovableClock

MIB = 1 << 20


def test_a_client_waits_after_its_burst_and_others_do_not() -> None:
    clock = MovableClock()
    rate = DiscardRate(clock, bytes_per_s=MIB, burst=10 * MIB)
    assert rate.take("a", 10 * MIB) == 0
    assert rate.take("a", 2 * MIB) == 2
    assert rate.take("b", 10 * MIB) == 0
    clock.forward(7)
    assert rate.take("a", 5 * MIB) == 0


def test_the_wait_is_limited_and_does_not_pile_up() -> None:
    clock = MovableClock()
    rate = DiscardRate(clock, bytes_per_s=MIB, burst=MIB)
    assert [rate.take("a", 100 * MIB) for _ in range(3)] == [LONGEST_WAIT_S] * 3
    clock.forward(LONGEST_WAIT_S + 1)
    assert rate.take("a", MIB) == 0
