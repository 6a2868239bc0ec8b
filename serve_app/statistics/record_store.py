"""The record store: durable recording, plus the threads that migrate the schema, drain the spool and prune old rows."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from serve_app.database.engine import connect
from serve_app.database.schema import upgrade
from serve_app.settings import Settings
from serve_app.statistics.durable_recorder import DurableRecorder
from serve_app.statistics.retention import prune
from serve_app.types import Record, RecordsState

log = structlog.get_logger(__name__)

_PRUNE_INTERVAL_S: Final = 3600.0
STATE_INTERVAL_S: Final = 1.0


class RecordStore:
    """A :class:`DurableRecorder` and its background threads. Starts even if the database is unavailable."""

    def __init__(self, settings: Settings, drain_interval_s: float) -> None:
        self._url = settings.effective_database_url
        self._engine = connect(self._url)
        self._recorder = DurableRecorder(self._engine, settings.spool_dir)
        self._retention_days = settings.retention_days
        self._interval_s = drain_interval_s
        self._upgraded = False
        self._reports_failure = True
        self._prune_at = 0.0
        self._stopping = threading.Event()
        self._try_upgrade()

    def start(self, observe: Callable[[RecordsState], None]) -> None:
        """Start the background threads. ``observe`` is called with the state every second."""
        threading.Thread(target=self._run_maintenance, name="record-store", daemon=True).start()
        # A separate thread, so that the state is still reported while the database hangs or a long spool is drained.
        threading.Thread(target=self._report_state, args=(observe,), name="record-store-state", daemon=True).start()

    def stop(self) -> None:
        """Stop the threads and close the connections to the database."""
        self._stopping.set()
        self._engine.dispose()

    def record(self, records: Sequence[Record]) -> None:
        """Record a batch, durably when this returns; see :meth:`DurableRecorder.record`."""
        self._recorder.record(records)

    def record_together(self, calls: Sequence[Sequence[Record]]) -> list[Exception | None]:
        """Record the batches of several calls; see :meth:`DurableRecorder.record_together`."""
        return self._recorder.record_together(calls)

    def states(self) -> dict[str, str]:
        """``ok`` or ``degraded``: of the ``database``, and of the ``storage`` for records while it is unavailable."""
        return {
            "database": "degraded" if self._recorder.database_unavailable or not self._upgraded else "ok",
            "storage": "degraded" if self._recorder.storage_unavailable else "ok",
        }

    def _run_maintenance(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self._maintain()
            except Exception:  # the next run may succeed; without this thread the spool would never be drained
                log.exception("record_store_failed")

    def _report_state(self, observe: Callable[[RecordsState], None]) -> None:
        while not self._stopping.wait(STATE_INTERVAL_S):
            try:
                observe(replace(self._recorder.state(), database_available=self.states()["database"] == "ok"))
            except Exception:  # the next report may succeed
                log.exception("records_state_unknown")

    def _maintain(self) -> None:
        if not self._upgraded:
            self._try_upgrade()
        if not self._upgraded:
            return
        self._recorder.drain()
        if time.monotonic() > self._prune_at and not self._recorder.database_unavailable:
            self._prune_at = time.monotonic() + _PRUNE_INTERVAL_S
            self._prune()

    def _prune(self) -> None:
        try:
            prune(self._engine, self._retention_days)
        except SQLAlchemyError as error:
            log.warning("prune_failed", error=str(error.__cause__ or error))

    def _try_upgrade(self) -> None:
        """Log the first failure, not one per second."""
        try:
            upgrade(self._url)
        except (SQLAlchemyError, OSError) as error:  # a TimeoutError is an OSError
            if self._reports_failure:
                log.warning("database_not_ready", error=str(error.__cause__ or error), records="written to the spool")
            self._reports_failure = False
        else:
            if not self._reports_failure:
                log.info("database_ready")
            self._upgraded = True
