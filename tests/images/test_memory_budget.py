import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from serve_app.images.memory_budget import MemoryBudget


def test_the_sum_of_shares_stays_within_the_budget():
    budget, lock = MemoryBudget(100), threading.Lock()
    held, most = 0, 0

    def hold(size: int) -> None:
        nonlocal held, most
        with budget.share(size):
            with lock:
                held += size
                most = max(most, held)
            threading.Event().wait(0.0005)
            with lock:
                held -= size

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(hold, [1, 60, 30, 100, 7, 51] * 40, timeout=20))
    assert 51 < most <= 100
    assert held == 0


def test_a_picture_larger_than_the_budget_takes_all_of_it():
    budget = MemoryBudget(100)
    with budget.share(1000):
        assert not _enters(budget, 1)
    assert _enters(budget, 1000)


def test_an_error_releases_the_share():
    budget = MemoryBudget(100)
    with pytest.raises(RuntimeError), budget.share(100):
        raise RuntimeError
    assert _enters(budget, 100)


def test_shares_are_granted_in_order():
    """Small pictures that would fit do not delay a large one indefinitely, and follow as soon as it has its share."""
    budget, order = MemoryBudget(100), list[str]()
    threads = []

    def hold(name: str, size: int) -> None:
        with budget.share(size):
            order.append(name)

    with budget.share(50):
        for name, size in (("large", 90), ("small", 10), ("smaller", 5)):
            thread = threading.Thread(target=hold, args=(name, size))
            thread.start()
            threads.append(thread)
            while len(budget._queue) < len(threads):
                threading.Event().wait(0.001)
        assert order == []
    for thread in threads:
        thread.join(5)
    assert order[0] == "large"
    assert sorted(order) == ["large", "small", "smaller"]


def _enters(budget: MemoryBudget, size: int) -> bool:
    inside = threading.Event()

    def enter() -> None:
        with budget.share(size):
            inside.set()

    threading.Thread(target=enter, daemon=True).start()
    return inside.wait(0.2)
