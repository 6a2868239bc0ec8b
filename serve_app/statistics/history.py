"""Single classifications: look up, page through, delete."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, delete, func, select

from serve_app.database.engine import writing
from serve_app.errors import UnknownClassification
from serve_app.statistics import cursor as cursors
from serve_app.statistics.cursor import Position
from serve_app.statistics.deletion import delete_gradually
from serve_app.statistics.tables import classifications
from serve_app.types import Record

TABLE = classifications.c
ID = re.compile(r"[0-9a-f]{32}")
LOOKED_THROUGH = 20_000
"""Classifications that one search for a label looks at, however many a user has."""
TAKEN_ALONG = 100
"""Classifications in memory while all of a user's are read."""


@dataclass(frozen=True, slots=True)
class Page:
    records: list[Record]
    """Newest first."""
    next_cursor: str | None
    """For the page after this; None on the last."""


class History:
    """What was kept. ``signing_keys`` are for the cursors, the same in all replicas; the first signs."""

    def __init__(self, engine: Engine, signing_keys: Sequence[bytes]) -> None:
        self._engine = engine
        self._keys = signing_keys

    def get(self, id_: str) -> Record:
        """A classification, whoever made it: who may see it is for the caller to say. ``UnknownClassification``."""
        _check(id_)
        with self._engine.connect() as connection:
            row = connection.execute(select(classifications).where(TABLE.id == id_)).one_or_none()
        if row is None:
            raise unknown(id_)
        return _record(row)

    def page(self, user_id: int, limit: int, cursor: str | None = None, label: str = "") -> Page:
        """A user's classifications, newest first; with ``label`` those whose class has it in its name or for its wnid.

        What is recorded meanwhile neither shifts nor repeats the pages after. ``InvalidParameter`` for a bad cursor.

        A search looks through so many classifications along the index, then the page ends, short or even empty, with a
        cursor for the rest: a label that is rare costs no more than any other.
        """
        after = None if cursor is None else cursors.decode(cursor, self._keys)
        rows, end = self._rows(user_id, limit, after, label)
        return Page(list(map(_record, rows)), cursors.encode(end, self._keys[0]) if end else None)

    def pages(self, user_id: int) -> Iterator[list[Record]]:
        """All of a user's, newest first, some at a time. No connection is held in between."""
        end: Position | None = None
        while True:
            rows, end = self._rows(user_id, TAKEN_ALONG, end)
            if rows:
                yield [_record(row) for row in rows]
            if end is None:
                return

    def delete(self, id_: str, user_id: int) -> None:
        """Delete a user's classification; the counters keep what it counted.

        ``UnknownClassification`` also for another's: nobody learns what others have.
        """
        _check(id_)
        with writing(self._engine) as connection:
            mine = (TABLE.id == id_) & (TABLE.user_id == user_id)
            deleted = connection.execute(delete(classifications).where(mine)).rowcount
        if not deleted:
            raise unknown(id_)

    def erase(self, user_id: int) -> int:
        """Delete all of a user's, some at a time; how many those were."""
        return delete_gradually(self._engine, classifications, TABLE.user_id == user_id)

    def _rows(
        self, user_id: int, limit: int, after: Position | None, label: str = ""
    ) -> tuple[Sequence[Row[Any]], Position | None]:
        """The rows, and where the next page goes on; None where there is none."""
        mine = TABLE.user_id == user_id
        if after is not None:
            mine &= _older(after)
        query = _newest_first(select(classifications).where(mine)).limit(limit + 1)
        end = None
        with self._engine.connect() as connection:
            if label:
                end = _end_of_search(connection, mine)
                query = query.where(_is_called(label))
                if end is not None:
                    query = query.where(_not_older(end))
            rows = connection.execute(query).all()
        if len(rows) > limit:
            end = Position(rows[limit - 1].created_us, rows[limit - 1].id)
        return rows[:limit], end


def unknown(id_: str) -> UnknownClassification:
    return UnknownClassification(f"there is no classification {id_[:64]!r}; it may have been deleted")


def _check(id_: str) -> None:
    """What is no id is not in the table, and some of it the database would choke on."""
    if not ID.fullmatch(id_):
        raise unknown(id_)


def _newest_first(query: Select[Any]) -> Select[Any]:
    return query.order_by(TABLE.created_us.desc(), TABLE.id.desc())


def _older(position: Position) -> ColumnElement[bool]:
    """MariaDB walks the index for this form, not for (created_us, id) < (…, …)."""
    return (TABLE.created_us <= position.created_us) & (
        (TABLE.created_us < position.created_us) | (TABLE.id < position.id)
    )


def _not_older(position: Position) -> ColumnElement[bool]:
    return (TABLE.created_us >= position.created_us) & (
        (TABLE.created_us > position.created_us) | (TABLE.id >= position.id)
    )


def _end_of_search(connection: Connection, mine: ColumnElement[bool]) -> Position | None:
    """The last classification that a search looks at, found in the index alone; None where it may look at them all."""
    query = _newest_first(select(TABLE.created_us, TABLE.id).where(mine)).offset(LOOKED_THROUGH - 1).limit(2)
    rows = connection.execute(query).all()
    return Position(*rows[0]) if len(rows) == 2 else None


def _is_called(label: str) -> ColumnElement[bool]:
    """Case doesn't matter, and underscores equal spaces: both are LIKE's “any character” here."""
    needle = label.strip().lower().replace("/", "//").replace("%", "/%").replace(" ", "_")
    needle = needle.replace("\0", "\ufffd")  # SQLite would take it for the end of the pattern
    return func.lower(TABLE.label).like(f"%{needle}%", escape="/") | (TABLE.wnid == label.strip())


def _record(row: Row[Any]) -> Record:
    values = dict(row._mapping)
    values["created_at"] = values.pop("created_us") / 1e6
    values["predictions"] = [(index, probability) for index, probability in values["predictions"]]
    return Record(**values)
