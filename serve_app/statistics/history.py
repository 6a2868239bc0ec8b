"""The classification history: lookup, pagination, search and deletion."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, func, select

from serve_app.errors import UnknownClassification
from serve_app.statistics.cursor import Position, decode_cursor, encode_cursor
from serve_app.statistics.deletion import delete_classifications
from serve_app.statistics.erasures import mark_erased
from serve_app.statistics.tables import classifications
from serve_app.types import Record

_TABLE = classifications.c
_ID = re.compile(r"[0-9a-f]{32}")
SEARCH_LIMIT = 20_000
"""Classifications scanned by one search for a label."""
_CHUNK = 100
"""Classifications read at a time when all of a user's are read."""


@dataclass(frozen=True, slots=True)
class Page:
    records: list[Record]
    """Newest first."""
    next_cursor: str | None
    """The cursor of the next page; None on the last page."""


class History:
    """Recorded classifications. ``signing_keys`` are for cursors, equal in all replicas; the first one signs."""

    def __init__(self, engine: Engine, signing_keys: Sequence[bytes]) -> None:
        self._engine = engine
        self._keys = signing_keys

    def get(self, id_: str) -> Record:
        """Return a classification of any user; the caller checks permissions. Raises ``UnknownClassification``."""
        _check(id_)
        with self._engine.connect() as connection:
            row = connection.execute(select(classifications).where(_TABLE.id == id_)).one_or_none()
        if row is None:
            raise unknown(id_)
        return _record(row)

    def page(self, user_id: int, limit: int, cursor: str | None = None, label: str = "") -> Page:
        """Return a page of a user's classifications, newest first, optionally filtered.

        ``label`` matches a substring of the class name, or the wnid. New records neither shift nor repeat later pages.
        Raises ``InvalidParameter`` for an invalid cursor.

        A search scans at most ``SEARCH_LIMIT`` classifications, so that rare labels cost no more than frequent ones.
        Then the page ends, possibly short or empty, with a cursor for the rest.
        """
        after = None if cursor is None else decode_cursor(cursor, self._keys)
        rows, end = self._rows(user_id, limit, after, label)
        return Page(list(map(_record, rows)), encode_cursor(end, self._keys[0]) if end else None)

    def pages(self, user_id: int) -> Iterator[list[Record]]:
        """Yield all of a user's classifications in chunks, newest first. No connection is held between chunks."""
        end: Position | None = None
        while True:
            rows, end = self._rows(user_id, _CHUNK, end)
            if rows:
                yield [_record(row) for row in rows]
            if end is None:
                return

    def delete(self, id_: str, user_id: int) -> None:
        """Delete a user's classification, also from the counters.

        Raises ``UnknownClassification`` for a classification of another user as well, so that ids cannot be probed.
        """
        _check(id_)
        if not delete_classifications(self._engine, (_TABLE.id == id_) & (_TABLE.user_id == user_id)):
            raise unknown(id_)

    def erase(self, user_id: int) -> int:
        """Delete all of a user's classifications in chunks, also from the counters. Returns their number.

        Those that still wait in a spool are dropped when it is drained.
        """
        mark_erased(self._engine, user_id)
        return delete_classifications(self._engine, _TABLE.user_id == user_id)

    def _rows(
        self, user_id: int, limit: int, after: Position | None, label: str = ""
    ) -> tuple[Sequence[Row[Any]], Position | None]:
        """The rows of a page, and the position after which the next page starts; None on the last page."""
        mine = _TABLE.user_id == user_id
        if after is not None:
            mine &= _older(after)
        query = _newest_first(select(classifications).where(mine)).limit(limit + 1)
        end = None
        with self._engine.connect() as connection:
            if label:
                end = _end_of_search(connection, mine)
                query = query.where(_matches_label(label))
                if end is not None:
                    query = query.where(_not_older(end))
            rows = connection.execute(query).all()
        if len(rows) > limit:
            end = Position(rows[limit - 1].created_us, rows[limit - 1].id)
        return rows[:limit], end


def unknown(id_: str) -> UnknownClassification:
    return UnknownClassification(f"There is no classification {id_[:64]!r}; it may have been deleted.")


def _check(id_: str) -> None:
    """Reject malformed ids, some of which the database would fail on."""
    if not _ID.fullmatch(id_):
        raise unknown(id_)


def _newest_first(query: Select[Any]) -> Select[Any]:
    return query.order_by(_TABLE.created_us.desc(), _TABLE.id.desc())


def _older(position: Position) -> ColumnElement[bool]:
    """MariaDB uses the index for this form, but not for (created_us, id) < (…, …)."""
    return (_TABLE.created_us <= position.created_us) & (
        (_TABLE.created_us < position.created_us) | (_TABLE.id < position.id)
    )


def _not_older(position: Position) -> ColumnElement[bool]:
    return (_TABLE.created_us >= position.created_us) & (
        (_TABLE.created_us > position.created_us) | (_TABLE.id >= position.id)
    )


def _end_of_search(connection: Connection, mine: ColumnElement[bool]) -> Position | None:
    """The last classification that a search scans, read from the index alone; None if it scans them all."""
    query = _newest_first(select(_TABLE.created_us, _TABLE.id).where(mine)).offset(SEARCH_LIMIT - 1).limit(2)
    rows = connection.execute(query).all()
    return Position(*rows[0]) if len(rows) == 2 else None


def _matches_label(label: str) -> ColumnElement[bool]:
    """Ignores case. Spaces match underscores too, because an underscore is LIKE's wildcard for one character."""
    needle = label.strip().lower().replace("/", "//").replace("%", "/%").replace(" ", "_")
    needle = needle.replace("\0", "\ufffd")  # NUL would end the pattern in SQLite
    return func.lower(_TABLE.label).like(f"%{needle}%", escape="/") | (_TABLE.wnid == label.strip())


def _record(row: Row[Any]) -> Record:
    values = dict(row._mapping)
    values["created_at"] = values.pop("created_us") / 1e6
    values["predictions"] = [(index, probability) for index, probability in values["predictions"]]
    return Record(**values)
