"""Slots that clients share."""

import asyncio

import pytest

from serve_app.errors import Overloaded
from serve_app.fetch import fair_slots
from serve_app.fetch.fair_slots import FairSlots


async def _turns(*tasks: asyncio.Task[None]) -> list[bool]:
    """Which of the tasks have a slot, after everything that can happen has happened."""
    for _ in range(5):
        await asyncio.sleep(0)
    return [task.done() for task in tasks]


def _acquire(slots: FairSlots, *keys: str) -> asyncio.Task[None]:
    return asyncio.create_task(slots.acquire(keys))


async def test_clients_take_turns() -> None:
    slots = FairSlots(total=2, per_key=2)
    held = [_acquire(slots, "a"), _acquire(slots, "a")]
    waiting = [_acquire(slots, "a"), _acquire(slots, "a"), _acquire(slots, "b"), _acquire(slots, "c")]
    assert await _turns(*held, *waiting) == [True, True, False, False, False, False]
    slots.release(("a",))
    assert await _turns(*waiting) == [True, False, False, False]
    slots.release(("a",))
    assert await _turns(*waiting) == [True, False, True, False]
    slots.release(("a",))
    assert await _turns(*waiting) == [True, False, True, True]
    slots.release(("b",))
    assert await _turns(*waiting) == [True] * 4


async def test_a_client_at_its_limit_leaves_the_others_a_free_slot() -> None:
    slots = FairSlots(total=3, per_key=2)
    tasks = [_acquire(slots, name) for name in "aaab"]
    assert await _turns(*tasks) == [True, True, False, True]
    slots.release(("b",))
    assert await _turns(*tasks) == [True, True, False, True]
    slots.release(("a",))
    assert await _turns(*tasks) == [True] * 4


async def test_other_keys_have_the_same_limit() -> None:
    slots = FairSlots(total=9, per_key=1)
    tasks = [_acquire(slots, "a", "x"), _acquire(slots, "b", "x"), _acquire(slots, "b", "y")]
    assert await _turns(*tasks) == [True, False, True]
    slots.release(("a", "x"))
    assert await _turns(*tasks) == [True, False, True], "b has its slot already"
    slots.release(("b", "y"))
    assert await _turns(*tasks) == [True] * 3


async def test_a_cancelled_waiter_loses_no_slot() -> None:
    slots = FairSlots(total=1, per_key=1)
    await slots.acquire(("a",))
    first, second = _acquire(slots, "b"), _acquire(slots, "c")
    await _turns(first)
    first.cancel()
    await _turns(first)
    slots.release(("a",))
    assert await _turns(second) == [True]
    third, fourth = _acquire(slots, "d"), _acquire(slots, "e")
    await _turns(third)
    slots.release(("c",))
    third.cancel()  # after it was granted
    assert await _turns(third, fourth) == [True, True]
    assert third.cancelled()
    assert not fourth.cancelled()


async def test_a_client_with_many_waiters_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise whoever asks for the images of slow servers keeps others from fetching any."""
    monkeypatch.setattr(fair_slots, "_MAX_WAITING", 3)
    slots = FairSlots(total=1, per_key=1)
    await slots.acquire(("a",))
    greedy = [_acquire(slots, "a") for _ in range(3)]
    await _turns(*greedy)
    modest = [_acquire(slots, "b")]
    assert await _turns(*greedy, *modest) == [False, False, True, False]
    with pytest.raises(Overloaded):
        await greedy[2]
    for client in ("a", "b"):  # who would not have fewer than the other
        with pytest.raises(Overloaded):
            await slots.acquire((client,))
    for name in ("a", "b", "a"):
        slots.release((name,))
        await _turns()
    assert await _turns(*greedy[:2], *modest) == [True] * 3


async def test_a_waiter_that_gave_way_and_is_cancelled_frees_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_slots, "_MAX_WAITING", 2)
    slots = FairSlots(total=1, per_key=1)
    await slots.acquire(("a",))
    first, second = _acquire(slots, "a"), _acquire(slots, "a")
    await _turns(first, second)
    third = _acquire(slots, "b")
    await asyncio.sleep(0)
    second.cancel()
    assert await _turns(first, second, third) == [False, True, False]
    slots.release(("a",))
    assert await _turns(first, third) in ([True, False], [False, True])


async def test_the_number_of_waiters_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_slots, "_MAX_WAITING", 1)
    slots = FairSlots(total=1, per_key=1)
    async with slots.slot("a"):
        waiter = _acquire(slots, "a")
        await _turns(waiter)
        with pytest.raises(Overloaded):
            await slots.acquire(("b",))
    assert await _turns(waiter) == [True]
