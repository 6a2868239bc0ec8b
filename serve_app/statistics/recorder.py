"""Keeps records whatever happens to the database."""

import threading
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from serve_app.batching.circuit_breaker import CircuitBreaker
from serve_app.statistics.ledger import store
from serve_app.statistics.spool import Spool
from serve_app.types import Record, RecordsState

log = structlog.get_logger(__name__)


class Recorder:
    """Thread-safe and synchronous. What :meth:`record` has returned for is in the database once, or will be.

    Call :meth:`drain` every second or so: it alone looks whether a lost database is back, so that no request waits for
    a connection that times out.
    """

    def __init__(self, engine: Engine, spool_dir: Path, probe_every_s: float = 1.0) -> None:
        self._engine = engine
        self._spool = Spool(spool_dir)
        self._circuit = CircuitBreaker(probe_every_s)
        self._lock = threading.Lock()
        self._recorded = 0

    @property
    def recorded(self) -> int:
        """Records this object has written to the database since it was made."""
        return self._recorded

    @property
    def database_is_down(self) -> bool:
        return self._circuit.is_open

    def pending(self) -> int:
        """Records that wait in the spool folder, those of other processes included."""
        return self._spool.pending()

    def state(self) -> RecordsState:
        """Of the database and the spool, as far as is known without asking the database."""
        spool = self._spool.state()
        return RecordsState(
            written=self._recorded,
            database_is_up=not self._circuit.is_open,
            pending=spool.pending,
            oldest_s=spool.oldest_s,
            broken=spool.broken,
            free_bytes=spool.free_bytes,
            size_bytes=spool.size_bytes,
        )

    def record(self, records: Sequence[Record]) -> None:
        """Keep a batch: in the database, or durably in the spool where the database is down or in doubt.

        Ids that are kept already are skipped. Raises ``OSError`` where the disk of the spool fails, too.
        """
        if not records:
            return
        if self._circuit.is_open:
            self._spool.put(records)
            return
        try:
            self._store(records)
        except (SQLAlchemyError, ValueError, TypeError, OverflowError) as error:
            self._spool.put(records)
            self._failed(error)

    def drain(self) -> int:
        """Move what waits into the database, oldest first, while there is one; the number of records moved.

        A file goes once its records are committed; one killed in between is replayed, and its ids are found there.
        """
        if self._circuit.is_open and not (self._circuit.allows() and self._reachable()):
            return 0
        with self._spool.sole_drainer() as alone:
            return self._replay() if alone else 0

    def _replay(self) -> int:
        moved = 0
        for path in self._spool.files():
            try:
                records = self._spool.read(path)
                moved += self._store_readable(records)
            except FileNotFoundError:
                continue
            except ValueError as error:
                self._spool.set_aside(path, str(error))
            except SQLAlchemyError as error:
                if not self._reachable():
                    break
                log.warning("records_postponed", file=path.name, error=_reason(error))
            else:
                path.unlink(missing_ok=True)
        return moved

    def _store_readable(self, records: list[Record]) -> int:
        """Store a batch; where the database refuses its content, store what it takes and set the rest aside."""
        try:
            return self._store(records)
        except (SQLAlchemyError, ValueError, TypeError, OverflowError) as error:
            if not _is_refusal(error):
                raise
            if len(records) <= 1:
                self._spool.set_records_aside(records, _reason(error))
                return 0
        return sum(self._store_readable([record]) for record in records)

    def _store(self, records: Sequence[Record]) -> int:
        number = store(self._engine, records)
        with self._lock:
            self._recorded += number
        return number

    def _reachable(self) -> bool:
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            self._failed(error)
            return False
        if self._circuit.closes():
            log.info("database_is_back", pending=self.pending())
        return True

    def _failed(self, error: Exception) -> None:
        if not _is_refusal(error) and self._circuit.opens():
            log.warning("database_is_down", error=_reason(error), records="kept in the spool folder")


def _is_refusal(error: Exception) -> bool:
    """Whether the fault is in the data, so that trying again cannot help."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, StatementError) or not isinstance(error, SQLAlchemyError)


def _reason(error: Exception) -> str:
    """The driver's own words: SQLAlchemy's would quote the statement and all its values."""
    return str(error.orig if isinstance(error, DBAPIError) and error.orig else error)
