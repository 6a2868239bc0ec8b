"""Durable recording: to the database, or to the spool while the database is unavailable."""

import threading
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from serve_app.batching.circuit_breaker import CircuitBreaker
from serve_app.statistics.record_writer import write_records
from serve_app.statistics.spool import Spool
from serve_app.types import Record, RecordsState

log = structlog.get_logger(__name__)


class DurableRecorder:
    """Writes records to the database or to the spool. Thread-safe and synchronous.

    Once :meth:`record` has returned, its records reach the database exactly once, now or later. Call :meth:`drain`
    about every second. Only ``drain`` probes an unavailable database, so that no request waits for a connection
    that times out.
    """

    def __init__(self, engine: Engine, spool_dir: Path, probe_every_s: float = 1.0) -> None:
        self._engine = engine
        self._spool = Spool(spool_dir)
        self._circuit = CircuitBreaker(probe_every_s)
        self._lock = threading.Lock()
        self._recorded = 0

    @property
    def recorded(self) -> int:
        """Records written to the database by this object."""
        return self._recorded

    @property
    def database_unavailable(self) -> bool:
        return self._circuit.is_open

    def pending(self) -> int:
        """Records in the spool folder, including those of other processes."""
        return self._spool.pending()

    def state(self) -> RecordsState:
        """The state of the database and the spool, without a query to the database."""
        spool = self._spool.state()
        return RecordsState(
            written=self._recorded,
            database_available=not self._circuit.is_open,
            pending=spool.pending,
            oldest_s=spool.oldest_s,
            quarantined=spool.quarantined,
            free_bytes=spool.free_bytes,
            size_bytes=spool.size_bytes,
        )

    def record(self, records: Sequence[Record]) -> None:
        """Write a batch to the database, or durably to the spool if the database is unavailable or the write fails.

        Existing ids are skipped. Raises ``OSError`` if the spool cannot be written either.
        """
        if not records:
            return
        if self._circuit.is_open:
            self._spool.put(records)
            return
        try:
            self._write(records)
        except (SQLAlchemyError, ValueError, TypeError, OverflowError) as error:
            self._spool.put(records)
            self._failed(error)

    def drain(self) -> int:
        """Move spooled records to the database, oldest first, while it is available. Returns the number moved.

        A file is deleted after its records are committed. If the process is killed in between, the file is replayed
        and its ids are skipped.
        """
        if self._circuit.is_open and not (self._circuit.allows() and self._is_reachable()):
            return 0
        with self._spool.drain_lock() as acquired:
            return self._replay() if acquired else 0

    def _replay(self) -> int:
        moved = 0
        for path in self._spool.files():
            try:
                records = self._spool.read(path)
                moved += self._write_valid(records)
            except FileNotFoundError:
                continue
            except ValueError as error:
                self._spool.quarantine_file(path, str(error))
            except SQLAlchemyError as error:
                if not self._is_reachable():
                    break
                log.warning("records_deferred", file=path.name, error=_reason(error))
            else:
                path.unlink(missing_ok=True)
        return moved

    def _write_valid(self, records: list[Record]) -> int:
        """Write a batch. If the database rejects it, write each record alone and quarantine the rejected ones."""
        try:
            return self._write(records)
        except (SQLAlchemyError, ValueError, TypeError, OverflowError) as error:
            if not _is_rejection(error):
                raise
            if len(records) <= 1:
                self._spool.quarantine_records(records, _reason(error))
                return 0
        return sum(self._write_valid([record]) for record in records)

    def _write(self, records: Sequence[Record]) -> int:
        number = write_records(self._engine, records)
        with self._lock:
            self._recorded += number
        return number

    def _is_reachable(self) -> bool:
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            self._failed(error)
            return False
        if self._circuit.closes():
            log.info("database_recovered", pending=self.pending())
        return True

    def _failed(self, error: Exception) -> None:
        if not _is_rejection(error) and self._circuit.opens():
            log.warning("database_unavailable", error=_reason(error), records="written to the spool")


def _is_rejection(error: Exception) -> bool:
    """Whether the data is at fault, so that a retry cannot help."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, StatementError) or not isinstance(error, SQLAlchemyError)


def _reason(error: Exception) -> str:
    """The driver's message. SQLAlchemy's message would contain the statement and all values."""
    return str(error.orig if isinstance(error, DBAPIError) and error.orig else error)
