"""The memory for bodies is shared fairly."""

import contextlib
from functools import partial

import pytest

from serve_app.errors import Overloaded
from serve_app.ingress.byte_budget import ByteBudget, ByteReservation

LIMIT = 1 << 20


class Client:
    """Uploads of one client. ``evicted`` are those that had to give way."""

    def __init__(self, budget: ByteBudget, name: str) -> None:
        self.evicted: list[int] = []
        self._budget = budget
        self._name = name
        self._count = 0

    def upload(self) -> ByteReservation:
        self._count += 1
        return ByteReservation(self._budget, self._name, partial(self.evicted.append, self._count))

    def take_all(self, size: int = 16 << 10) -> int:
        """Take what is to be had, with uploads of this size. Returns the bytes."""
        total = 0
        with contextlib.suppress(Overloaded):
            while True:
                self.upload().add(size)
                total += size
        return total


@pytest.mark.parametrize(("share", "expected"), [(0.5, LIMIT // 2), (0.75, LIMIT * 3 // 4), (0.25, LIMIT // 4)])
def test_a_client_alone_gets_its_share(share: float, expected: int) -> None:
    assert Client(ByteBudget(LIMIT, share), "one").take_all(1024) == expected


def test_clients_that_take_all_leave_as_much_as_each_has() -> None:
    budget = ByteBudget(LIMIT)
    attackers = [Client(budget, f"attacker {number}") for number in range(15)]
    for attacker in attackers:
        attacker.take_all()
    assert Client(budget, "honest").take_all() >= LIMIT // 32
    assert attackers[0].evicted[0] == 1, "its oldest upload gave way first"
    assert 0 < budget.held < LIMIT


def test_complete_bodies_are_not_taken_away() -> None:
    budget = ByteBudget(LIMIT)
    one, two = Client(budget, "one"), Client(budget, "two")
    complete = one.upload()
    complete.add(LIMIT // 2)
    complete.keep()
    with pytest.raises(Overloaded):
        two.upload().add(LIMIT // 3)
    assert not one.evicted
    complete.release()
    two.upload().add(LIMIT // 3)


def test_the_answer_tells_whose_bytes_fill_the_memory() -> None:
    budget = ByteBudget(LIMIT)
    one, two = Client(budget, "one"), Client(budget, "two")
    one.upload().add(LIMIT // 2)
    with pytest.raises(Overloaded, match="Your other requests"):
        one.upload().add(1)
    with pytest.raises(Overloaded, match="of other requests"):
        two.upload().add(LIMIT * 3 // 4)


def test_bytes_are_given_back_once() -> None:
    budget = ByteBudget(LIMIT)
    uploads = [Client(budget, name).upload() for name in ("one", "one", "two")]
    for upload in uploads:
        upload.add(1000)
        upload.add(24)
    assert budget.held == 3 * 1024
    for upload in uploads * 2:
        upload.release()
    assert budget.held == 0
    assert not budget._held, "clients are forgotten"
    assert not budget._evictable
