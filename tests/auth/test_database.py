"""Transactions: all or nothing, again after a deadlock, and what was read stays true until the end."""

from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pymysql
import pytest
from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from auth.database import MAX_ATTEMPTS, write
from auth.tables import throttles


def failing(times: int, code: int) -> list[BaseException | None]:
    broken = OperationalError("UPDATE", {}, pymysql.err.OperationalError(code, "broken off"))
    return [broken] * times + [None] * MAX_ATTEMPTS


@pytest.mark.parametrize("code", [1205, 1213])
def test_what_the_database_broke_off_is_done_again(sqlite_engine: Engine, code: int):
    outcomes = iter(failing(MAX_ATTEMPTS - 1, code))

    def work(_connection: Connection) -> str:
        if error := next(outcomes):
            raise error
        return "done"

    with patch("time.sleep") as slept:
        assert write(sqlite_engine, work) == "done"
    assert slept.call_count == MAX_ATTEMPTS - 1


@pytest.mark.parametrize(
    ("times", "code", "attempts"), [(MAX_ATTEMPTS, 1213, MAX_ATTEMPTS), (1, 2013, 1), (1, 1045, 1)]
)
def test_but_not_for_ever_and_not_after_other_errors(sqlite_engine: Engine, times: int, code: int, attempts: int):
    outcomes = iter(failing(times, code))
    tried = 0

    def work(_connection: Connection) -> None:
        nonlocal tried
        tried += 1
        if error := next(outcomes):
            raise error

    with patch("time.sleep"), pytest.raises(OperationalError):
        write(sqlite_engine, work)
    assert tried == attempts


def test_all_or_nothing(engine: Engine):
    def work(connection: Connection) -> None:
        connection.execute(insert(throttles), [_row(1), _row(2)])
        connection.execute(insert(throttles), [_row(1)])

    with pytest.raises(IntegrityError):
        write(engine, work)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(throttles)) == 0


def test_what_was_read_is_still_so_when_it_is_written(engine: Engine):
    """On SQLite the lock is taken at the start; on MariaDB the row is asked for."""
    write(engine, lambda connection: connection.execute(insert(throttles), [_row(1)]))

    def one_more(connection: Connection) -> None:
        failures = connection.scalars(select(throttles.c.failures).with_for_update()).one()
        connection.execute(update(throttles).values(failures=failures + 1))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(write, engine, one_more) for _ in range(40)]:
            future.result(30)
    with engine.connect() as connection:
        assert connection.scalars(select(throttles.c.failures)).one() == 40


def test_deadlocks_happen_and_all_is_done_in_the_end(engine: Engine):
    """Half of them take two rows in one order, half in the other."""
    write(engine, lambda connection: connection.execute(insert(throttles), [_row(1), _row(2)]))

    def both(order: list[int]) -> None:
        def work(connection: Connection) -> None:
            for number in order:
                mine = throttles.c.digest == _row(number)["digest"]
                connection.execute(update(throttles).where(mine).values(failures=throttles.c.failures + 1))

        write(engine, work)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(both, [1, 2] if number % 2 else [2, 1]) for number in range(60)]:
            future.result(30)
    with engine.connect() as connection:
        assert connection.scalars(select(throttles.c.failures)).all() == [60, 60]


def _row(number: int) -> dict[str, object]:
    return {"digest": bytes([number]) * 32, "failures": 0, "blocked_until_us": 0, "seen_us": 0}
