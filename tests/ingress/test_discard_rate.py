"""How fast unwanted bodies are discarded."""

import time
from functools import partial
from pathlib import Path

import pytest

from serve_app.ingress import body_stream
from serve_app.ingress.discard_rate import LONGEST_WAIT_S, DiscardRate
from tests.chaos.attacks.raw_http import head
from tests.clock import MovableClock
from tests.ingress.test_request_bodies import ask, pieces, service

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


async def test_rejected_uploads_are_slowed_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the client that sends many, by their bytes and one more MiB for each request."""
    monkeypatch.setattr(body_stream, "DiscardRate", partial(DiscardRate, bytes_per_s=4 * MIB, burst=2 * MIB))

    async def seconds(port: int, address: str) -> float:
        request = head("POST", "/nowhere", X_Forwarded_For=address, Content_Length=MIB) + bytes(MIB)
        began = time.monotonic()
        assert (await ask(port, pieces(request))).status == 404
        return time.monotonic() - began

    async with service(tmp_path, 60, forwarded_hops=1) as (_, port):
        waits = [await seconds(port, "192.0.2.1") for _ in range(3)]
        assert sum(waits) > 0.9
        assert await seconds(port, "192.0.2.2") < sum(waits) / 2
