"""What the database needs besides each batch: its schema at the start, late records, old ones out."""

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
from serve_app.statistics.recorder import Recorder
from serve_app.statistics.retention import prune
from serve_app.types import Record, RecordsState

log = structlog.get_logger(__name__)

PRUNE_EVERY_S: Final = 3600.0
TELL_EVERY_S: Final = 1.0


class RecordStore:
    """A :class:`Recorder` and the threads that look after it. Starts also where the database is down."""

    def __init__(self, settings: Settings, drain_interval_s: float) -> None:
        self._url = settings.effective_database_url
        self._engine = connect(self._url)
        self._recorder = Recorder(self._engine, settings.spool_dir)
        self._retention_days = settings.retention_days
        self._interval_s = drain_interval_s
        self._upgraded = False
        self._pruned_at = 0.0
        self._stopping = threading.Event()
        self._try_upgrade()

    def start(self, observe: Callable[[RecordsState], None]) -> None:
        """Look after the records in the background; ``observe`` hears of them each second."""
        threading.Thread(target=self._run, name="keeper", daemon=True).start()
        # On a thread of its own: it has to tell of a database that hangs, and of a spool that takes long to empty.
        threading.Thread(target=self._tell, args=(observe,), name="records-state", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        self._engine.dispose()

    def record(self, records: Sequence[Record]) -> None:
        """Durable when this returns; see :meth:`Recorder.record`."""
        self._recorder.record(records)

    def state(self) -> str:
        """``ok``, or ``degraded`` while records go to the spool instead of the database."""
        return "degraded" if self._recorder.database_is_down or not self._upgraded else "ok"

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self._tend()
            except Exception:  # the next turn may go well, and without this thread nothing would be moved again
                log.exception("keeper_failed")

    def _tell(self, observe: Callable[[RecordsState], None]) -> None:
        while not self._stopping.wait(TELL_EVERY_S):
            try:
                observe(replace(self._recorder.state(), database_is_up=self.state() == "ok"))
            except Exception:  # as above: figures that are late are better than none for ever
                log.exception("records_state_unknown")

    def _tend(self) -> None:
        if not self._upgraded:
            self._try_upgrade()
        if not self._upgraded:
            return
        self._recorder.drain()
        if time.monotonic() - self._pruned_at > PRUNE_EVERY_S:
            prune(self._engine, self._retention_days)
            self._pruned_at = time.monotonic()

    def _try_upgrade(self) -> None:
        try:
            upgrade(self._url)
        except (SQLAlchemyError, TimeoutError) as error:
            log.warning("database_not_ready", error=str(error.__cause__ or error), records="kept in the spool folder")
        else:
            self._upgraded = True
