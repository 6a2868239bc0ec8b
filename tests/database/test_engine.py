import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from serve_app.database import engine, schema
from serve_app.database.engine import connect, writing


def test_only_the_owner_can_read_the_embedded_database(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        schema.upgrade(f"sqlite:///{tmp_path / 'data' / 'raylens.db'}")
    finally:
        os.umask(before)
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "raylens.db").stat().st_mode & 0o077 == 0


def test_a_writer_soon_gets_the_lock_that_others_hold_again_and_again(tmp_path: Path) -> None:
    """SQLite's own wait grows to a tenth of a second, in which the others take the lock many times."""
    engine = connect(f"sqlite:///{tmp_path / 'raylens.db'}")
    statements: list[str] = []
    with engine.connect() as connection:  # the one that the pool lends again
        sqlite = connection.connection.dbapi_connection
        assert isinstance(sqlite, sqlite3.Connection)
        sqlite.set_trace_callback(statements.append)
    other = sqlite3.connect(tmp_path / "raylens.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.5, other.execute, ["COMMIT"])
    release.start()
    with writing(engine):
        pass
    release.join()
    assert statements.count("BEGIN IMMEDIATE") > 20
    assert sqlite.execute("PRAGMA busy_timeout").fetchone() == (5000,)
    engine.dispose()
    other.close()


def test_a_writer_does_not_wait_for_ever(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'raylens.db'}?timeout=1")
    other = sqlite3.connect(tmp_path / "raylens.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(OperationalError, match="locked"), writing(engine):
        pass
    assert time.monotonic() - started >= 1
    engine.dispose()
    other.close()


def test_one_writer_of_a_process_tries_while_the_others_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = connect(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    other = sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None)
    other.execute("CREATE TABLE numbers (number INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    tries: list[int] = []
    try_to_begin = engine._try_to_begin

    def try_and_count(connection: sqlite3.Connection) -> bool:
        tries.append(threading.get_ident())
        return try_to_begin(connection)

    monkeypatch.setattr(engine, "_try_to_begin", try_and_count)

    def write(number: int) -> None:
        with writing(database) as connection:
            connection.exec_driver_sql("INSERT INTO numbers VALUES (?)", (number,))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    while len(tries) < 50:
        time.sleep(0.01)
    assert len(set(tries)) == 1
    other.execute("COMMIT")
    for thread in threads:
        thread.join()
    assert other.execute("SELECT count(*) FROM numbers").fetchone() == (8,)
    other.close()
    database.dispose()
