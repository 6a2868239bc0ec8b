"""Compares the database with the responses that clients received. Reads the tables directly, not through the API."""

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Row, select

from serve_app.database.engine import connect
from serve_app.statistics.tables import CounterKind, classifications, counters
from tests.chaos.client import Outcome


class RecordChecker:
    """Checks the records of one service that were added since construction or since the last :meth:`check`."""

    def __init__(self, data: Path, url: str = "") -> None:
        """``data``: data folder of the service. ``url``: its database, by default the embedded one."""
        self._engine = connect(url or f"sqlite:///{data / 'raylens.db'}")
        self._spool = data / "spool"
        self._seen = {row.id for row in self._rows()}

    def spooled(self) -> list[Path]:
        """Files with records that wait for the database."""
        return list(self._spool.glob("*.json"))

    def wait_until_spool_is_empty(self, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while waiting := self.spooled():
            assert time.monotonic() < deadline, f"{len(waiting)} files are still in the spool"
            time.sleep(0.2)

    def check(self, outcomes: Iterable[Outcome], unanswered_at_most: int = 0) -> None:
        """Each successful response has exactly one row with the hash of its photo, and the counters match the rows.

        ``unanswered_at_most``: number of rows allowed for images whose response did not reach the client.
        """
        successes = [outcome for outcome in outcomes if outcome.status == 201]
        expected = {outcome.document["id"]: outcome.photo.sha256 for outcome in successes}
        assert len(expected) == len(successes), "an id was used twice"
        rows = self._rows()
        recorded = {row.id: row.sha256 for row in rows if row.id not in self._seen}
        lost = [id_ for id_, sha256 in expected.items() if recorded.get(id_) != sha256]
        assert not lost, f"{len(lost)} of {len(expected)} responses have no record, or the record of another photo"
        assert len(recorded) - len(expected) <= unanswered_at_most, "there are records without a response"
        assert not list((self._spool / "broken").iterdir()), "records are quarantined"
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
        uploads = {row.sha256: row[3] for row in found if row.kind == CounterKind.UPLOAD}
        labels = {row.wnid: row[3] for row in found if row.kind == CounterKind.LABEL}
        assert uploads == Counter(row.sha256 for row in rows)
        assert labels == Counter(row.wnid for row in rows)

    def close(self) -> None:
        self._engine.dispose()
