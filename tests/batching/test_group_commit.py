import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from serve_app.batching.group_commit import GroupCommit


class Commits:
    """Notes the groups. While it is ``held``, a commit takes as long as that."""

    def __init__(self) -> None:
        self.groups: list[list[list[int]]] = []
        self.held = threading.Event()
        self.held.set()

    def __call__(self, calls: list[Sequence[int]]) -> list[Exception | None]:
        self.groups.append([list(call) for call in calls])
        self.held.wait(60)
        if any(-1 in call for call in calls):
            raise RuntimeError("broken")
        return [ValueError(call[0]) if call[0] < 0 else None for call in calls]


@pytest.fixture
def commits() -> Commits:
    return Commits()


@pytest.fixture
def group_commit(commits: Commits) -> Iterator[GroupCommit[int]]:
    group_commit = GroupCommit(commits, max_items=4, name="test")
    yield group_commit
    commits.held.set()
    group_commit.close()


async def submit_while_busy(
    group_commit: GroupCommit[int], commits: Commits, *calls: list[int]
) -> list[asyncio.Task[None]]:
    """Submit one call that is held, and then the others."""
    commits.held.clear()
    tasks = []
    for call in ([0], *calls):
        tasks.append(asyncio.create_task(group_commit.submit(call)))
        await asyncio.sleep(0)
    return tasks


async def test_a_call_alone_is_committed_at_once(group_commit: GroupCommit[int], commits: Commits) -> None:
    await group_commit.submit([1, 2])
    await group_commit.submit([3])
    assert commits.groups == [[[1, 2]], [[3]]]


async def test_waiting_calls_share_a_commit_up_to_its_size(group_commit: GroupCommit[int], commits: Commits) -> None:
    tasks = await submit_while_busy(group_commit, commits, [1, 2], [3], [4, 5], [6, 7, 8, 9, 10], [11])
    commits.held.set()
    await asyncio.gather(*tasks)
    assert commits.groups == [[[0]], [[1, 2], [3]], [[4, 5]], [[6, 7, 8, 9, 10]], [[11]]]


async def test_each_call_gets_its_own_error(group_commit: GroupCommit[int], commits: Commits) -> None:
    tasks = await submit_while_busy(group_commit, commits, [1], [-2], [3])
    commits.held.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["None", "None", "-2", "None"]


async def test_a_commit_that_raises_fails_its_calls_and_no_later_ones(
    group_commit: GroupCommit[int], commits: Commits
) -> None:
    tasks = await submit_while_busy(group_commit, commits, [1], [-1])
    commits.held.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["None", "broken", "broken"]
    await group_commit.submit([4])


async def test_a_cancelled_call_commits_nothing_unless_it_has_begun(
    group_commit: GroupCommit[int], commits: Commits
) -> None:
    begun, cancelled, other = await submit_while_busy(group_commit, commits, [1], [2])
    begun.cancel()
    cancelled.cancel()
    await asyncio.sleep(0)
    commits.held.set()
    await other
    assert commits.groups == [[[0]], [[2]]]
