"""Single classifications: pages, owners, cursors."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from serve_app.errors import InvalidParameter, UnknownClassification
from serve_app.statistics import cursor as cursors
from serve_app.statistics.history import History
from serve_app.statistics.ledger import store
from serve_app.statistics.top import report
from tests.statistics.examples import NOW, example, tallied

KEY = b"a signing key"


@pytest.fixture
def history(engine: Engine) -> History:
    return History(engine, KEY)


def _pages(history: History, user_id: int | None, limit: int) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        page = history.list(user_id, limit, cursor)
        pages.append([record.id for record in page.records])
        cursor = page.next_cursor
        if cursor is None:
            return pages


@pytest.mark.parametrize("limit", [1, 3, 10, 11])
def test_pages_are_complete_and_newest_first(engine: Engine, history: History, limit: int):
    records = [example(n, user_id=7, created_at=NOW + n // 4) for n in range(10)]  # several of one time
    store(engine, [*records, example(50, user_id=8), example(51)])
    pages = _pages(history, 7, limit)
    assert [id_ for page in pages for id_ in page] == [record.id for record in reversed(records)]
    assert all(len(page) == limit for page in pages[:-1])
    assert len(pages[-1]) > 0


def test_a_page_exactly_full_is_the_last(engine: Engine, history: History):
    store(engine, [example(n, user_id=7) for n in range(3)])
    assert history.list(7, 3).next_cursor is None


def test_users_and_nobody_see_their_own(engine: Engine, history: History):
    store(engine, [example(1, user_id=1), example(2, user_id=2), example(3)])
    assert [_pages(history, user_id, 5) for user_id in (1, 2, 3, None)] == [
        [[example(1).id]],
        [[example(2).id]],
        [[]],
        [[example(3).id]],
    ]


def test_what_comes_meanwhile_does_not_shift_the_pages(engine: Engine, history: History):
    store(engine, [example(n, user_id=1) for n in range(4)])
    first = history.list(1, 2)
    store(engine, [example(9, user_id=1)])
    history.delete(example(2).id, 1)
    second = history.list(1, 2, first.next_cursor)
    assert [record.id for record in second.records] == [example(1).id, example(0).id]


def test_deleting_takes_the_row_and_leaves_the_counters(engine: Engine, history: History):
    record = example(1, user_id=1)
    store(engine, [record])
    before = tallied(engine)
    history.delete(record.id, 1)
    with pytest.raises(UnknownClassification):
        history.get(record.id)
    with pytest.raises(UnknownClassification):
        history.delete(record.id, 1)
    assert tallied(engine) == before
    assert len(report(engine)) == 1


@pytest.mark.parametrize(("owner", "other"), [(1, 2), (1, None), (None, 1)])
def test_nobody_deletes_what_is_anothers(engine: Engine, history: History, owner: int | None, other: int | None):
    store(engine, [example(1, user_id=owner)])
    with pytest.raises(UnknownClassification):
        history.delete(example(1).id, other)
    assert history.get(example(1).id).user_id == owner


@pytest.mark.parametrize("id_", ["", "x", "ü" * 32, "A" * 32, "0" * 33, "%", "' OR 1=1 --", "\x00" * 32, "\ud800"])
def test_what_is_no_id_is_not_found(history: History, id_: str):
    with pytest.raises(UnknownClassification):
        history.get(id_)
    with pytest.raises(UnknownClassification):
        history.delete(id_, None)


@given(st.integers(0, 2**62), st.binary(min_size=16, max_size=16))
def test_a_cursor_comes_back_as_it_was(created_us: int, id_: bytes):
    position = cursors.Position(created_us, id_.hex())
    assert cursors.decode(cursors.encode(position, KEY), KEY) == position


@given(st.text() | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_a_made_up_cursor_is_refused(cursor: str):
    with pytest.raises(InvalidParameter, match="cursor"):
        cursors.decode(cursor, KEY)


def test_a_changed_cursor_or_one_of_another_key_is_refused():
    cursor = cursors.encode(cursors.Position(5, "0" * 32), KEY)
    with pytest.raises(InvalidParameter):
        cursors.decode(cursor, b"another key")
    with pytest.raises(InvalidParameter):
        cursors.decode(("B" if cursor[0] == "A" else "A") + cursor[1:], KEY)
