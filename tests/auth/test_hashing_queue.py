"""The queue of password hashing is bounded and fair."""

import asyncio

import pytest

from auth.errors import Busy
from auth.hashing_queue import HashingQueue, HashingShare


class Hashes:
    """Hashes in progress and finished; each one takes until :meth:`finish`."""

    def __init__(self, queue: HashingQueue) -> None:
        self.queue = queue
        self.running: dict[str, asyncio.Event] = {}
        self.refused: list[str] = []

    async def start(self, name: str, share: HashingShare) -> asyncio.Task[None]:
        task = asyncio.create_task(self._hash(name, share))
        await settle()
        return task

    async def finish(self, name: str) -> list[str]:
        """Those that are running then."""
        self.running.pop(name).set()
        await settle()
        return sorted(self.running)

    async def _hash(self, name: str, share: HashingShare) -> None:
        try:
            async with self.queue.turn(share):
                done = self.running[name] = asyncio.Event()
                await done.wait()
        except Busy:
            self.refused.append(name)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def unknown(client: str, account: str = "") -> HashingShare:
    return HashingShare(client, account.encode())


def known(client: str) -> HashingShare:
    return HashingShare(client, is_preferred=True)


async def test_a_client_that_floods_waits_for_itself_only():
    hashes = Hashes(HashingQueue(4, max_waiting=10))
    for number in range(30):
        await hashes.start(f"flood {number}", unknown("flood"))
    assert sorted(hashes.running) == ["flood 0", "flood 1"]
    assert len(hashes.refused) == 30 - 2 - 10
    await hashes.start("owner", unknown("elsewhere"))
    assert "owner" in hashes.running
    assert await hashes.finish("flood 0") == ["flood 1", "flood 2", "owner"]


async def test_an_account_has_half_of_the_threads():
    hashes = Hashes(HashingQueue(6, max_waiting=10))
    for number in range(5):
        await hashes.start(f"guess {number}", unknown(f"bot {number}", "alice"))
    assert len(hashes.running) == 3
    await hashes.start("bob", unknown("bob's", "bob"))
    assert "bob" in hashes.running


async def test_a_thread_is_left_to_known_clients():
    hashes = Hashes(HashingQueue(2, max_waiting=10))
    await hashes.start("bot", unknown("bot"))
    await hashes.start("other bot", unknown("other bot"))
    await hashes.start("owner", known("device"))
    assert sorted(hashes.running) == ["bot", "owner"]
    assert await hashes.finish("owner") == ["bot"]
    assert await hashes.finish("bot") == ["other bot"]


async def test_on_one_thread_known_clients_and_others_alternate():
    hashes = Hashes(HashingQueue(1, max_waiting=10))
    for name in ("first", "bot", "other bot"):
        await hashes.start(name, unknown(name))
    for name in ("owner", "other owner"):
        await hashes.start(name, known(name))
    order = [*hashes.running]
    while hashes.running:
        order += await hashes.finish(order[-1])
    assert order == ["first", "owner", "bot", "other owner", "other bot"]


async def test_known_clients_leave_a_thread_to_others():
    """Anybody can become known, with an account of their own."""
    hashes = Hashes(HashingQueue(3, max_waiting=10))
    for number in range(6):
        await hashes.start(f"known {number}", known(f"browser {number}"))
    await hashes.start("new", unknown("new"))
    assert sorted(hashes.running) == ["known 0", "known 1", "new"]


async def test_clients_take_turns():
    hashes = Hashes(HashingQueue(1, max_waiting=10))
    for number in range(5):
        await hashes.start(f"flood {number}", unknown("flood"))
    await hashes.start("owner", unknown("elsewhere"))
    order = [*hashes.running]
    while hashes.running:
        order += await hashes.finish(order[-1])
    assert order[:3] == ["flood 0", "flood 1", "owner"]
    assert len(order) == 6


async def test_a_full_queue_makes_room_for_a_client_that_has_less_in_it():
    hashes = Hashes(HashingQueue(1, max_waiting=4))
    for number in range(5):
        await hashes.start(f"flood {number}", unknown("flood"))
    await hashes.start("owner", unknown("elsewhere"))
    assert hashes.refused == ["flood 4"]
    for number in range(3):
        await hashes.start(f"bot {number}", unknown(f"bot {number}"))
    assert hashes.refused == ["flood 4", "flood 3", "flood 2", "bot 2"], "one each is fair"
    await hashes.start("known", known("device"))
    assert len(hashes.refused) == 5
    assert await hashes.finish("flood 0") == ["known"]


async def test_a_client_that_leaves_frees_its_place():
    queue = HashingQueue(1, max_waiting=2)
    hashes = Hashes(queue)
    await hashes.start("first", unknown("first"))
    second = await hashes.start("second", unknown("second"))
    third = await hashes.start("third", unknown("third"))
    second.cancel()
    await settle()
    assert queue.waiting == 1
    hashes.running.pop("first").set()
    await asyncio.sleep(0)
    third.cancel()
    await settle()
    assert not queue.waiting
    await hashes.start("last", unknown("last"))
    assert sorted(hashes.running) == ["last"]


async def test_an_error_frees_the_thread():
    queue = HashingQueue(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"):
            async with queue.turn(unknown("here")):
                raise ValueError("x")
