"""What the database says: one row an answer, and counters that equal the rows. Read past the service, directly."""

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from sqlalchemy import Row, select

from serve_app.database.engine import connect
from serve_app.statistics.tables import CounterKind, classifications, counters
from tests.chaos.client import Outcome


class Kept(Protocol):
    """A service, as far as it is known here."""

    folder: Path


class Books:
    """The records of one service, from the moment this was made or last :meth:`check`\\ ed."""

    def __init__(self, service: Kept, url: str = "") -> None:
        data = service.folder / "data"
        self._engine = connect(url or f"sqlite:///{data / 'raylens.db'}")
        self._spool = data / "spool"
        self._seen = {row.id for row in self._rows()}

    def spooled(self) -> list[Path]:
        """Files with records that wait for the database."""
        return list(self._spool.glob("*.json"))

    def wait_complete(self, timeout_s: float = 30.0) -> None:
        """Until nothing waits in the spool any more."""
        give_up_at = time.monotonic() + timeout_s
        while waiting := self.spooled():
            assert time.monotonic() < give_up_at, f"{len(waiting)} files are still in the spool"
            time.sleep(0.2)

    def check(self, outcomes: Iterable[Outcome], unanswered_at_most: int = 0) -> None:
        """Every answer has exactly one row, of the photo that was sent, and the counters hold what the rows give.

        ``unanswered_at_most``: rows of images whose answer was lost on the way to the client.
        """
        answers = [outcome for outcome in outcomes if outcome.status == 201]
        answered = {outcome.document["id"]: outcome.photo.sha256 for outcome in answers}
        assert len(answered) == len(answers), "an id was given twice"
        rows = self._rows()
        kept = {row.id: row.sha256 for row in rows if row.id not in self._seen}
        lost = [id_ for id_, sha256 in answered.items() if kept.get(id_) != sha256]
        assert not lost, f"{len(lost)} of {len(answered)} answers have no record, or that of another photo"
        assert len(kept) - len(answered) <= unanswered_at_most, "there are records nobody was answered with"
        assert not list((self._spool / "broken").iterdir()), "records were set aside"
        self._check_counters(rows)
        self._seen = {row.id for row in rows}

    def _rows(self) -> list[Row[tuple[str, str, str]]]:
        with self._engine.connect() as connection:
            columns = classifications.c
            return list(connection.execute(select(columns.id, columns.sha256, columns.wnid)))

    def _check_counters(self, rows: list[Row[tuple[str, str, str]]]) -> None:
        columns = counters.c
        with self._engine.connect() as connection:
            found = list(connection.execute(select(columns.kind, columns.sha256, columns.wnid, columns.count)))
        assert {it.sha256: it[3] for it in found if it.kind == CounterKind.UPLOAD} == Counter(
            row.sha256 for row in rows
        )
        assert {it.wnid: it[3] for it in found if it.kind == CounterKind.LABEL} == Counter(row.wnid for row in rows)

    def close(self) -> None:
        self._engine.dispose()
