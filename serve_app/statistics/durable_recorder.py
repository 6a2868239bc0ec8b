"""Durable recording: to the database, or to the spool while the database is unavailable, or not at all."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from serve_app.batching.circuit_breaker import CircuitBreaker
from serve_app.database.engine import writing
from serve_app.errors import StorageUnavailable
from serve_app.statistics.disk_probe import PROBE_BYTES, check_disk
from serve_app.statistics.erasures import without_erased
from serve_app.statistics.record_writer import write_records
from serve_app.statistics.spool import Spool
from serve_app.types import Record, RecordsState

log = structlog.get_logger(__name__)

_MAX_FAILURES: Final = 3
"""Files that may fail for the first time in one drain; then the database counts as unavailable."""
_WRITE_ERRORS: Final = (SQLAlchemyError, ValueError, TypeError, OverflowError)
"""Errors of a write; those for which :func:`_is_rejection` is false are of the database."""
_REWRITE: Final = text("UPDATE statistics_version SET version_num = version_num")
"""Changes nothing, but SQLite writes it to the disk."""


class DurableRecorder:
    """Writes records to the database or to the spool. Thread-safe and synchronous.

    Once :meth:`record` has returned, its records reach the database exactly once, now or later. Call :meth:`drain`
    about every second. Only ``drain`` probes an unavailable database, so that no request waits for a connection
    that times out. The start and the end of an outage are logged.
    """

    def __init__(self, engine: Engine, spool_dir: Path, probe_every_s: float = 1.0) -> None:
        self._engine = engine
        self._spool = Spool(spool_dir)
        self._circuit = CircuitBreaker(probe_every_s)
        self._storage = CircuitBreaker(probe_every_s)
        self._deferred: set[str] = set()
        self._lock = threading.Lock()
        self._recorded = 0

    @property
    def recorded(self) -> int:
        """Records written to the database by this object."""
        return self._recorded

    @property
    def database_unavailable(self) -> bool:
        return self._circuit.is_open

    @property
    def storage_unavailable(self) -> bool:
        """Whether the disk of the spool is full, or failed at the last write."""
        return self._storage.is_open

    def pending(self) -> int:
        """Records in the spool folder, including those of other processes."""
        return self._spool.pending()

    def state(self) -> RecordsState:
        """The state of the database and the spool, without a query to the database."""
        spool = self._spool.state()
        return RecordsState(
            written=self._recorded,
            database_available=not self._circuit.is_open,
            storage_available=not self._storage.is_open,
            pending=spool.pending,
            oldest_s=spool.oldest_s,
            quarantined=spool.quarantined,
            free_bytes=spool.free_bytes,
            size_bytes=spool.size_bytes,
        )

    def record(self, records: Sequence[Record]) -> None:
        """Write a batch to the database, or durably to the spool if the database is unavailable or the write fails.

        Existing ids are skipped. Raises ``StorageUnavailable`` if the spool cannot be written either.
        """
        if not records:
            return
        try:
            if self._write_if_available(records):
                return
        except _WRITE_ERRORS:
            pass  # drain will quarantine what is at fault
        self._keep(records)

    def record_together(self, calls: Sequence[Sequence[Record]]) -> list[Exception | None]:
        """Like :meth:`record` for each of several calls, with one transaction or one file for all of them.

        If that fails, each call is recorded on its own, so that none fails because of another. Returns the error of
        each call, or None.
        """
        if len(calls) > 1 and self._record_all([record for call in calls for record in call]):
            return [None] * len(calls)
        return [self._outcome(call) for call in calls]

    def _record_all(self, records: Sequence[Record]) -> bool:
        try:
            if not self._write_if_available(records):
                self._spool.put(records)
        except Exception:  # each call then gets its own outcome
            return False
        return True

    def _outcome(self, records: Sequence[Record]) -> Exception | None:
        try:
            self.record(records)
        except Exception as error:  # the others have outcomes of their own
            return error
        return None

    def _write_if_available(self, records: Sequence[Record]) -> bool:
        """False while the database is unavailable. Raises the error if it rejects the records."""
        if self._circuit.is_open:
            return False
        try:
            self._write(records)
        except _WRITE_ERRORS as error:
            if _is_rejection(error):
                raise
            self._database_failed(error)
            return False
        return True

    def _keep(self, records: Sequence[Record]) -> None:
        try:
            self._spool.put(records)
        except OSError as error:
            self._storage_failed(error)
            raise StorageUnavailable(
                f"The server cannot store results ({error.strerror or error}); try again later."
            ) from None

    def drain(self) -> int:
        """Move spooled records to the database, oldest first, while it is available. Returns the number moved.

        A file is deleted after its records are committed. If the process is killed in between, the file is replayed
        and its ids are skipped.
        """
        self._check_storage()
        if self._circuit.is_open and not (self._circuit.allows() and self._is_writable()):
            return 0
        try:
            with self._spool.drain_lock() as acquired:
                if acquired:
                    return self._replay()
        except OSError as error:
            self._defer(self._spool.folder, error)
            return 0
        self._database_works()
        return 0

    def _replay(self) -> int:
        """Write the files; after an outage, the first one shows whether the database stores records again."""
        moved, failures = 0, 0
        for path in sorted(self._spool.files(), key=lambda path: path.name in self._deferred):
            try:
                moved += self._replay_file(path)
            except OSError as error:  # such as another user's file
                self._defer(path, error)
                continue
            except SQLAlchemyError as error:
                if self._circuit.is_open or not self._is_reachable():
                    self._deferred.add(path.name)  # the next attempt is with another file
                    return moved
                failures += self._defer(path, error)
                if failures == _MAX_FAILURES:
                    self._database_failed(error)
                    return moved
                continue
            self._deferred.discard(path.name)
            self._database_works()
        self._database_works()
        return moved

    def _replay_file(self, path: Path) -> int:
        try:
            moved = self._write_valid(without_erased(self._engine, self._spool.read(path)))
        except FileNotFoundError:  # another process was faster
            return 0
        except ValueError as error:
            self._spool.quarantine_file(path, str(error))
            return 0
        path.unlink(missing_ok=True)
        return moved

    def _defer(self, path: Path, error: SQLAlchemyError | OSError) -> int:
        """Postpone a file that cannot be moved although the database responds. 1 if this is its first failure."""
        if path.name in self._deferred:
            return 0
        self._deferred.add(path.name)
        log.warning("records_deferred", file=path.name, error=_reason(error))
        return 1

    def _write_valid(self, records: list[Record]) -> int:
        """Write a batch. If the database rejects it, write each record alone and quarantine the rejected ones."""
        try:
            return self._write(records)
        except _WRITE_ERRORS as error:
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
            self._database_failed(error)
            return False
        return True

    def _is_writable(self) -> bool:
        """Whether the database accepts a write. A full disk, for example, would still answer a query."""
        try:
            if self._engine.dialect.name == "sqlite":
                check_disk(Path(self._engine.url.database or "").parent)
            with writing(self._engine) as connection:
                connection.execute(_REWRITE)
        except (SQLAlchemyError, OSError) as error:
            self._database_failed(error)
            return False
        return True

    def _check_storage(self) -> None:
        """Find out whether the disk of the spool is full, before records need it, or works again."""
        try:
            suspicious = self._storage.is_open or self._spool.free_bytes() < PROBE_BYTES
            if suspicious and self._storage.allows():
                check_disk(self._spool.folder)
                if self._storage.closes():
                    log.info("storage_recovered")
        except OSError as error:
            self._storage_failed(error)

    def _database_works(self) -> None:
        if self._circuit.closes():
            log.info("database_recovered", pending=self.pending())

    def _database_failed(self, error: Exception) -> None:
        if not _is_rejection(error) and self._circuit.opens():
            log.warning("database_unavailable", error=_reason(error), records="written to the spool")

    def _storage_failed(self, error: OSError) -> None:
        if self._storage.opens():
            refused = "refused while the database is unavailable"
            log.error("storage_unavailable", folder=str(self._spool.folder), error=str(error), records=refused)


def _is_rejection(error: Exception) -> bool:
    """Whether the data is at fault, so that a retry cannot help."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, StatementError) or not isinstance(error, SQLAlchemyError | OSError)


def _reason(error: Exception) -> str:
    """The driver's message. SQLAlchemy's message would contain the statement and all values."""
    return str(error.orig if isinstance(error, DBAPIError) and error.orig else error)
