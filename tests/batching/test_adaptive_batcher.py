"""The batcher: batches grow with the load, every caller gets its own result, nothing hangs."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.batching.adaptive_batcher import AdaptiveBatcher
from serve_app.errors import DeadlineExceeded, Overloaded

SOON = 5.0


class Doubler:
    """Returns 2 × item, one batch per release of the gate, and records the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Semaphore(0)

    async def __call__(self, items: list[int]) -> Sequence[int | Exception]:
        self.batches.append(items)
        await self.gate.acquire()
        return [ValueError(str(item)) if item < 0 else 2 * item for item in items]


def batcher(run: Doubler, *, slots: int = 1, max_batch: int = 4, max_waiting: int = 100) -> AdaptiveBatcher[int, int]:
    return AdaptiveBatcher(run, slots=slots, max_batch=max_batch, max_waiting=max_waiting)


def deadline() -> float:
    return time.time() + SOON


async def settle() -> None:
    """Let all tasks run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_first_item_is_sent_immediately_and_the_others_together() -> None:
    run = Doubler()
    queue = batcher(run)
    tasks = [asyncio.create_task(queue.submit(i, deadline())) for i in range(6)]
    await settle()
    assert run.batches == [[0]]
    for _ in range(3):
        run.gate.release()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8, 10]
    assert run.batches == [[0], [1, 2, 3, 4], [5]]
    assert queue.waiting_images == queue.running_images == 0


async def test_an_error_does_not_affect_other_items() -> None:
    run = Doubler()
    run.gate.release()
    run.gate.release()
    queue = batcher(run)
    replies = await asyncio.gather(*(queue.submit(i, deadline()) for i in (0, 1, -2, 3)), return_exceptions=True)
    assert replies[:2] == [0, 2]
    assert isinstance(replies[2], ValueError)
    assert replies[3] == 6


async def test_a_failed_batch_raises_for_every_caller() -> None:
    async def run(items: list[int]) -> Sequence[int]:
        raise OSError("gone")

    queue = AdaptiveBatcher[int, int](run, slots=1, max_batch=4, max_waiting=10)
    replies = await asyncio.gather(*(queue.submit(i, deadline()) for i in range(3)), return_exceptions=True)
    assert [type(reply) for reply in replies] == [OSError] * 3


async def test_a_wrong_number_of_results_is_an_error() -> None:
    async def run(items: list[int]) -> Sequence[int]:
        return items[:-1]

    queue = AdaptiveBatcher[int, int](run, slots=1, max_batch=4, max_waiting=10)
    with pytest.raises(RuntimeError, match="0 replies for 1 items"):
        await queue.submit(7, deadline())


async def test_a_full_queue_rejects_new_items_and_completes_accepted_ones() -> None:
    run = Doubler()
    queue = batcher(run, max_waiting=2)
    tasks = [asyncio.create_task(queue.submit(i, deadline())) for i in range(3)]
    await settle()
    with pytest.raises(Overloaded) as rejected:
        await queue.submit(9, deadline())
    assert rejected.value.retry_after
    for _ in range(2):
        run.gate.release()
    assert list(await asyncio.gather(*tasks)) == [0, 2, 4]


async def test_an_item_past_its_deadline_is_not_processed() -> None:
    run = Doubler()
    queue = batcher(run)
    first = asyncio.create_task(queue.submit(1, deadline()))
    await settle()
    with pytest.raises(DeadlineExceeded):
        await queue.submit(2, time.time() + 0.02)
    assert queue.waiting_images == 0
    run.gate.release()
    assert await first == 2
    assert run.batches == [[1]]


async def test_a_cancelled_item_is_not_processed() -> None:
    run = Doubler()
    queue = batcher(run)
    first = asyncio.create_task(queue.submit(1, deadline()))
    second = asyncio.create_task(queue.submit(2, deadline()))
    await settle()
    second.cancel()
    await settle()
    assert queue.waiting_images == 0
    run.gate.release()
    assert await first == 2
    await settle()
    assert run.batches == [[1]]


async def test_additional_slots_start_waiting_items() -> None:
    run = Doubler()
    queue = batcher(run, max_batch=1)
    tasks = [asyncio.create_task(queue.submit(i, deadline())) for i in range(3)]
    await settle()
    assert len(run.batches) == 1
    queue.slots = 3
    await settle()
    assert len(run.batches) == 3
    for _ in range(3):
        run.gate.release()
    assert list(await asyncio.gather(*tasks)) == [0, 2, 4]


async def test_an_item_larger_than_a_batch_is_sent_alone() -> None:
    run = Doubler()
    for _ in range(3):
        run.gate.release()
    queue = batcher(run, max_batch=4)
    replies = await asyncio.gather(
        queue.submit(1, deadline()), queue.submit(2, deadline(), images=9), queue.submit(3, deadline(), images=3)
    )
    assert list(replies) == [2, 4, 6]
    assert run.batches == [[1], [2], [3]]


async def test_batches_are_also_limited_in_bytes() -> None:
    run = Doubler()
    for _ in range(5):
        run.gate.release()
    queue = AdaptiveBatcher[int, int](run, slots=1, max_batch=4, max_waiting=10, max_bytes=100)
    sizes = [10, 60, 40, 1, 300, 5]
    await asyncio.gather(*(queue.submit(i, deadline(), size=size) for i, size in enumerate(sizes)))
    assert run.batches == [[0], [1, 2], [3], [4], [5]]


async def test_close_cancels_all_waiting_callers() -> None:
    run = Doubler()
    queue = batcher(run)
    tasks = [asyncio.create_task(queue.submit(i, deadline())) for i in range(3)]
    await settle()
    await queue.close()
    assert all(
        isinstance(reply, asyncio.CancelledError) for reply in await asyncio.gather(*tasks, return_exceptions=True)
    )


@settings(max_examples=150)
@given(
    plan=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["wait", "cancel", "expire"]), st.integers(0, 6)),
        min_size=1,
        max_size=40,
    ),
    slots=st.integers(1, 3),
    max_batch=st.integers(1, 5),
)
def test_cancellation_at_any_moment_neither_hangs_nor_mixes_results(
    plan: list[tuple[int, str, int]], slots: int, max_batch: int
) -> None:
    """Each item pauses before it is submitted, then waits, is cancelled after some turns of the loop, or expires."""

    async def run(items: list[int]) -> Sequence[int]:
        for _ in range(items[0] % 4):
            await asyncio.sleep(0)
        return [2 * item for item in items]

    async def scenario() -> None:
        queue = AdaptiveBatcher[int, int](run, slots=slots, max_batch=max_batch, max_waiting=1000)

        async def client(index: int, pause: int, fate: str) -> int:
            for _ in range(pause):
                await asyncio.sleep(0)
            return await queue.submit(index, time.time() + (-1 if fate == "expire" else SOON))

        tasks = [asyncio.create_task(client(i, pause, fate)) for i, (pause, fate, _) in enumerate(plan)]
        for turn in range(8):
            await asyncio.sleep(0)
            for task, (_, fate, moment) in zip(tasks, plan, strict=True):
                if fate == "cancel" and moment == turn:
                    task.cancel()
        async with asyncio.timeout(SOON):
            replies = await asyncio.gather(*tasks, return_exceptions=True)
        for index, (reply, (_, fate, _)) in enumerate(zip(replies, plan, strict=True)):
            if fate == "wait":
                assert reply == 2 * index
            elif fate == "expire":
                assert isinstance(reply, DeadlineExceeded)
            else:
                assert reply == 2 * index or isinstance(reply, asyncio.CancelledError)
        async with asyncio.timeout(SOON):
            while queue._batches:  # a batch is completed even if all its callers were cancelled
                await asyncio.wait(queue._batches)
        assert queue.waiting_images == queue.running_images == 0

    asyncio.run(scenario())


async def test_a_full_queue_has_room_for_a_client_with_fewer_items() -> None:
    run = Doubler()
    queue = batcher(run, max_waiting=3)
    hogs = [asyncio.create_task(queue.submit(i, deadline(), client="hog")) for i in range(4)]
    await settle()
    assert queue.is_full
    assert queue.overload("other") is None
    assert isinstance(queue.overload("hog"), Overloaded)
    other = asyncio.create_task(queue.submit(9, deadline(), client="other"))
    with pytest.raises(Overloaded):
        await hogs[3]
    for _ in range(3):
        run.gate.release()
    assert list(await asyncio.gather(*hogs[:3], other)) == [0, 2, 4, 18]


async def test_clients_with_equally_many_items_do_not_displace_each_other() -> None:
    queue = batcher(Doubler(), max_waiting=2)
    tasks = [asyncio.create_task(queue.submit(i, deadline(), client=str(i))) for i in range(3)]
    await settle()
    with pytest.raises(Overloaded):
        await queue.submit(3, deadline(), client="3")
    await queue.close()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_batch_costs_at_most_the_limit() -> None:
    run = Doubler()
    queue = AdaptiveBatcher[int, int](run, slots=1, max_batch=9, max_waiting=100, max_cost=10)
    for _ in range(9):
        run.gate.release()
    await asyncio.gather(*(queue.submit(i, deadline(), cost=cost) for i, cost in enumerate((1, 4, 5, 1, 11, 1))))
    assert run.batches == [[0], [1, 2, 3], [4], [5]]


@pytest.mark.parametrize("cancels", [True, False])
async def test_a_batch_that_no_caller_waits_for_can_be_cancelled(cancels: bool) -> None:
    run = Doubler()
    queue = AdaptiveBatcher[int, int](run, slots=1, max_batch=2, max_waiting=9, cancels=cancels)
    tasks = [asyncio.create_task(queue.submit(i, deadline())) for i in range(3)]
    await settle()
    run.gate.release()
    await tasks[0]
    await settle()
    tasks[1].cancel()
    await settle()
    assert queue.running_images == 2, "one of the two still waits"
    tasks[2].cancel()
    await settle()
    assert queue.running_images == (0 if cancels else 2)
    await queue.close()
