"""The fair queue: clients share it by the cost of their items, whatever the others do."""

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from serve_app.batching.fair_queue import FairQueue


@dataclass(eq=False)
class Entry:
    client: str
    cost: float = 1.0
    images: int = 1


def filled(*entries: Entry) -> FairQueue[Entry]:
    queue = FairQueue[Entry]()
    for entry in entries:
        queue.push(entry)
    return queue


def emptied(queue: FairQueue[Entry]) -> list[Entry]:
    served = []
    while queue:
        served.append(queue.pop())
    return served


def test_a_single_client_is_served_in_order() -> None:
    entries = [Entry("ada", cost) for cost in (1, 5, 1, 9)]
    assert emptied(filled(*entries)) == entries


def test_a_newcomer_does_not_wait_for_the_images_of_another_client() -> None:
    queue = filled(*(Entry("ada") for _ in range(64)))
    queue.pop()
    queue.push(Entry("bob"))
    assert "bob" in [queue.pop().client for _ in range(2)]


def test_the_shares_are_equal_by_cost() -> None:
    queue = filled(*(Entry("ada", 5) for _ in range(64)), *(Entry("bob", 1) for _ in range(64)))
    assert Counter(queue.pop().client for _ in range(60)) == {"ada": 10, "bob": 50}


def test_removed_items_cost_their_client_nothing() -> None:
    removed = [Entry("ada", 100) for _ in range(5)]
    queue = filled(*removed, Entry("bob"), Entry("bob"), Entry("ada"))
    for entry in removed:
        assert queue.remove(entry)
        assert not queue.remove(entry)
    assert queue.images == 3
    assert sorted(entry.client for entry in emptied(queue)) == ["ada", "bob", "bob"]


def test_the_largest_client_loses_its_newest_item() -> None:
    newest = Entry("bob")
    queue = filled(Entry("ada"), Entry("bob"), Entry("bob"), newest, Entry("eve"))
    assert queue.largest_share() == 3
    assert queue.pop_newest_of_largest() is newest
    assert [queue.images_of(client) for client in ("ada", "bob", "eve")] == [1, 2, 1]


def test_new_clients_do_not_starve_those_that_wait() -> None:
    """Each of a thousand clients sends one cheap image, as soon as the one before is served."""
    queue = filled(Entry("ada", 1), Entry("ada", 20))
    queue.pop()
    for number in range(1000):
        queue.push(Entry(f"new {number}"))
        if queue.pop().client == "ada":
            break
    assert number < 30


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(1, 20), st.booleans()), min_size=1, max_size=200))
def test_no_client_gets_less_than_its_share(steps: list[tuple[str, float, bool]]) -> None:
    """While a client waits, each other gets at most as much as it does and one item of each more; no pop is idle."""
    queue, waiting = FairQueue[Entry](), Counter[str]()
    served: dict[str, Counter[str]] = {}
    """For each client that waits: what each client got meanwhile."""
    for client, cost, pops in steps:
        entry = Entry(client, cost)
        queue.push(entry)
        waiting[client] += 1
        served.setdefault(client, Counter())
        if pops:
            done = queue.pop()
            for got in served.values():
                got[done.client] += done.cost  # type: ignore[assignment]
            waiting[done.client] -= 1
            if not waiting[done.client]:
                del served[done.client]
        for name, got in served.items():
            assert all(amount <= got[name] + 2 * 20 for other, amount in got.items() if other != name)
    assert queue.images == waiting.total() == len(emptied(queue))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=200))
def test_the_sizes_are_those_of_the_clients(steps: list[tuple[str, int]]) -> None:
    queue, expected = FairQueue[Entry](), list[Entry]()
    for client, action in steps:
        if action == 0 or not expected:
            expected.append(Entry(client))
            queue.push(expected[-1])
        elif action == 1:
            expected.remove(queue.pop())
        else:
            expected.remove(queue.pop_newest_of_largest())
        sizes = Counter(entry.client for entry in expected)
        assert queue.largest_share() == max(sizes.values(), default=0)
        assert {client: queue.images_of(client) for client in "abc"} == {client: sizes[client] for client in "abc"}
