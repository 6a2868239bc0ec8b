"""The history: pages, search, ownership, deletion and cursors."""

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from serve_app.errors import InvalidParameter, UnknownClassification
from serve_app.statistics import deletion
from serve_app.statistics import history as history_module
from serve_app.statistics.cursor import Position, decode_cursor, encode_cursor
from serve_app.statistics.history import History
from serve_app.statistics.record_writer import write_records
from tests.statistics.examples import NOW, counts, example, expected, rows, tallied

KEY = b"a signing key"
OLD_KEY = b"the key before it"


@pytest.fixture
def history(engine: Engine) -> History:
    return History(engine, [KEY, OLD_KEY])


def _pages(history: History, user_id: int, limit: int, label: str = "") -> list[list[str]]:
    pages, cursor = [], None
    while True:
        page = history.page(user_id, limit, cursor, label)
        pages.append([record.id for record in page.records])
        cursor = page.next_cursor
        if cursor is None:
            return pages


def test_pages_are_complete_and_newest_first(engine: Engine, history: History):
    records = [example(n, user_id=7, created_at=NOW + n // 4) for n in range(10)]  # several of one time
    write_records(engine, [*records, example(50, user_id=8), example(51)])
    for limit in (1, 3, 10, 11):
        pages = _pages(history, 7, limit)
        assert [id_ for page in pages for id_ in page] == [record.id for record in reversed(records)]
        assert all(len(page) == limit for page in pages[:-1])
        assert len(pages[-1]) > 0


def test_a_page_exactly_full_is_the_last(engine: Engine, history: History):
    write_records(engine, [example(n, user_id=7) for n in range(3)])
    assert history.page(7, 3).next_cursor is None


def test_users_see_only_their_own_classifications(engine: Engine, history: History):
    write_records(engine, [example(1, user_id=1), example(2, user_id=2), example(3)])
    assert [_pages(history, user_id, 5) for user_id in (1, 2, 3)] == [[[example(1).id]], [[example(2).id]], [[]]]


def test_labels_are_found_by_substring_or_wnid(engine: Engine, history: History):
    expected: dict[str, list[int]] = {
        "yorkshire TERRIER": [0, 1],
        "terrier": [0, 1, 2],
        " shire_t": [0, 1],
        "n00000003": [3],
        "100%": [3],
        "%": [3],
        "/": [4],
        "\\": [],
        "' OR 1=1 --": [],
        "\x00": [],
        "ü" * 100: [],
    }
    names = ["Yorkshire_terrier", "Yorkshire terrier", "Border_terrier", "100%_wool", "either/or"]
    records = [example(n, user_id=1, label=name, wnid=f"n{n:08d}") for n, name in enumerate(names)]
    write_records(engine, [*records, example(9, user_id=2, label="Yorkshire_terrier")])
    for label, found in expected.items():
        assert _pages(history, 1, 5, label) == [[records[n].id for n in reversed(found)]], label


def test_a_search_scans_a_limited_number_and_continues(
    engine: Engine, history: History, monkeypatch: pytest.MonkeyPatch
):
    records = [example(n, user_id=1, created_at=NOW + n // 3, label="dog" if n % 4 else "cat") for n in range(12)]
    write_records(engine, [*records, *(example(n, user_id=2, label="cat") for n in range(20, 30))])
    for limit, search_limit in itertools.product((1, 2, 3, 10), (1, 2, 5, 12, 13)):
        monkeypatch.setattr(history_module, "SEARCH_LIMIT", search_limit)
        pages = _pages(history, 1, limit, "cat")
        assert [id_ for page in pages for id_ in page] == [records[n].id for n in (8, 4, 0)]
        assert all(len(page) <= limit for page in pages)
        assert len(pages) <= 12 // search_limit + 3


def test_pages_yields_all_classifications_in_chunks(engine: Engine, history: History, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(history_module, "_CHUNK", 3)
    write_records(engine, [example(n, user_id=1 + n // 7) for n in range(8)])
    pages = [[record.id for record in page] for page in history.pages(1)]
    assert pages == [[example(n).id for n in numbers] for numbers in ((6, 5, 4), (3, 2, 1), (0,))]
    assert list(history.pages(3)) == []


def test_erase_removes_all_rows_of_a_user_and_what_they_count(
    engine: Engine, history: History, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(deletion, "_CHUNK", 2)
    write_records(engine, [example(n, user_id=1) for n in range(5)] + [example(8, user_id=2), example(9)])
    assert history.erase(1) == 5
    assert history.erase(1) == 0
    assert rows(engine) == 2
    assert counts(tallied(engine)) == counts(expected(engine))


def test_new_records_do_not_shift_later_pages(engine: Engine, history: History):
    write_records(engine, [example(n, user_id=1) for n in range(4)])
    first = history.page(1, 2)
    write_records(engine, [example(9, user_id=1)])
    history.delete(example(2).id, 1)
    second = history.page(1, 2, first.next_cursor)
    assert [record.id for record in second.records] == [example(1).id, example(0).id]


def test_delete_removes_the_row_and_what_it_counts(engine: Engine, history: History):
    record = example(1, user_id=1)
    write_records(engine, [record, example(2)])
    history.delete(record.id, 1)
    with pytest.raises(UnknownClassification):
        history.get(record.id)
    with pytest.raises(UnknownClassification):
        history.delete(record.id, 1)
    assert tallied(engine) == expected(engine)


@pytest.mark.parametrize(("owner", "other"), [(1, 2), (None, 1)])
def test_users_cannot_delete_classifications_of_others(engine: Engine, history: History, owner: int | None, other: int):
    write_records(engine, [example(1, user_id=owner)])
    with pytest.raises(UnknownClassification):
        history.delete(example(1).id, other)
    assert history.get(example(1).id).user_id == owner


def test_malformed_ids_are_not_found(history: History):
    for id_ in ("", "x", "ü" * 32, "A" * 32, "0" * 33, "%", "' OR 1=1 --", "\x00" * 32, "\ud800"):
        with pytest.raises(UnknownClassification):
            history.get(id_)
        with pytest.raises(UnknownClassification):
            history.delete(id_, 1)


@given(st.integers(0, 2**62), st.binary(min_size=16, max_size=16))
def test_decode_inverts_encode(created_us: int, id_: bytes):
    position = Position(created_us, id_.hex())
    assert decode_cursor(encode_cursor(position, KEY), [OLD_KEY, KEY]) == position


@given(st.text() | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_an_arbitrary_cursor_is_rejected(cursor: str):
    with pytest.raises(InvalidParameter, match="cursor"):
        decode_cursor(cursor, [KEY])


def test_a_modified_cursor_or_another_key_is_rejected():
    cursor = encode_cursor(Position(5, "0" * 32), KEY)
    with pytest.raises(InvalidParameter):
        decode_cursor(cursor, [OLD_KEY])
    with pytest.raises(InvalidParameter):
        decode_cursor(("B" if cursor[0] == "A" else "A") + cursor[1:], [KEY])
