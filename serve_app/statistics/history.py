"""Single classifications: look up, page through, delete."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, delete, select

from serve_app.database import writing
from serve_app.errors import UnknownClassification
from serve_app.statistics import cursor as cursors
from serve_app.statistics.tables import classifications
from serve_app.types import Record

TABLE = classifications.c
ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Page:
    records: list[Record]
    """Newest first."""
    next_cursor: str | None
    """For the page after this; None on the last."""


class History:
    """What was kept. ``signing_key`` signs the cursors: the same in all replicas."""

    def __init__(self, engine: Engine, signing_key: bytes) -> None:
        self._engine = engine
        self._key = signing_key

    def get(self, id_: str) -> Record:
        """A classification, whoever made it: who may see it is for the caller to say. ``UnknownClassification``."""
        _check(id_)
        with self._engine.connect() as connection:
            row = connection.execute(select(classifications).where(TABLE.id == id_)).one_or_none()
        if row is None:
            raise _unknown(id_)
        return _record(row)

    def list(self, user_id: int | None, limit: int, cursor: str | None = None) -> Page:
        """A user's classifications (None: those nobody was signed in for), newest first.

        What is recorded meanwhile neither shifts nor repeats the pages after. ``InvalidParameter`` for a bad cursor.
        """
        query = select(classifications).where(TABLE.user_id.is_(None) if user_id is None else TABLE.user_id == user_id)
        if cursor is not None:
            last = cursors.decode(cursor, self._key)
            # MariaDB walks the index for this form, not for (created_us, id) < (…, …).
            query = query.where(
                TABLE.created_us <= last.created_us, (TABLE.created_us < last.created_us) | (TABLE.id < last.id)
            )
        query = query.order_by(TABLE.created_us.desc(), TABLE.id.desc()).limit(limit + 1)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        more = len(rows) > limit
        end = cursors.Position(rows[limit - 1].created_us, rows[limit - 1].id) if more else None
        return Page([_record(row) for row in rows[:limit]], cursors.encode(end, self._key) if end else None)

    def delete(self, id_: str, user_id: int | None) -> None:
        """Delete a user's classification; the counters keep what it counted.

        ``UnknownClassification`` also for another's: nobody learns what others have.
        """
        _check(id_)
        owner = TABLE.user_id.is_(None) if user_id is None else TABLE.user_id == user_id
        with writing(self._engine) as connection:
            deleted = connection.execute(delete(classifications).where(TABLE.id == id_, owner)).rowcount
        if not deleted:
            raise _unknown(id_)


def _check(id_: str) -> None:
    """What is no id is not in the table, and some of it the database would choke on."""
    if not ID.fullmatch(id_):
        raise _unknown(id_)


def _unknown(id_: str) -> UnknownClassification:
    return UnknownClassification(f"there is no classification {id_[:64]!r}; it may have been deleted")


def _record(row: Row[Any]) -> Record:
    values = dict(row._mapping)
    values["created_at"] = values.pop("created_us") / 1e6
    values["predictions"] = [(index, probability) for index, probability in values["predictions"]]
    return Record(**values)
