"""Transactions are atomic and isolated, and are retried after a deadlock."""

from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pymysql
import pytest
from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from auth.database import MAX_ATTEMPTS, write
from auth.tables import throttles
from tests.auth.databases import both_databases


def failing(times: int, code: int) -> list[BaseException | None]:
    error = OperationalError("UPDATE", {}, pymysql.err.OperationalError(code, "aborted"))
    return [error] * times + [None] * MAX_ATTEMPTS


def attempts_of(database: Engine, failures: int, code: int) -> int:
    """Attempts at a transaction that fails so often with a MySQL error code. Raises what ``write`` raises at last."""
    outcomes = iter(failing(failures, code))
    attempts = 0

    def work(_connection: Connection) -> None:
        nonlocal attempts
        attempts += 1
        if error := next(outcomes):
            error.add_note(f"attempt {attempts}")
            raise error

    with patch("time.sleep") as slept:
        write(database, work)
    assert slept.call_count == attempts - 1
    return attempts


def test_deadlocks_and_lock_timeouts_are_retried(database: Engine):
    assert [attempts_of(database, MAX_ATTEMPTS - 1, code) for code in (1205, 1213)] == [MAX_ATTEMPTS] * 2


def test_retries_are_bounded_and_other_errors_are_raised_at_once(database: Engine, subtests: pytest.Subtests):
    for failures, code, attempts in ((MAX_ATTEMPTS, 1213, MAX_ATTEMPTS), (1, 2013, 1), (1, 1045, 1)):
        with subtests.test(code=code), pytest.raises(OperationalError) as caught:
            attempts_of(database, failures, code)
        assert caught.value.__notes__[-1] == f"attempt {attempts}"


@both_databases
def test_a_failed_transaction_changes_nothing(database: Engine):
    def work(connection: Connection) -> None:
        connection.execute(insert(throttles), [_row(1), _row(2)])
        connection.execute(insert(throttles), [_row(1)])

    with pytest.raises(IntegrityError):
        write(database, work)
    with database.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(throttles)) == 0


@both_databases
def test_concurrent_read_modify_writes_lose_no_update(database: Engine):
    """On SQLite the transaction locks the database at its start; on MariaDB the query locks the row."""
    write(database, lambda connection: connection.execute(insert(throttles), [_row(1)]))

    def one_more(connection: Connection) -> None:
        failures = connection.scalars(select(throttles.c.failures).with_for_update()).one()
        connection.execute(update(throttles).values(failures=failures + 1))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(write, database, one_more) for _ in range(40)]:
            future.result(30)
    with database.connect() as connection:
        assert connection.scalars(select(throttles.c.failures)).one() == 40


@both_databases
def test_transactions_succeed_in_spite_of_deadlocks(database: Engine):
    """Half of them update two rows in one order, half in the other."""
    write(database, lambda connection: connection.execute(insert(throttles), [_row(1), _row(2)]))

    def both(order: list[int]) -> None:
        def work(connection: Connection) -> None:
            for number in order:
                mine = throttles.c.digest == _row(number)["digest"]
                connection.execute(update(throttles).where(mine).values(failures=throttles.c.failures + 1))

        write(database, work)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(both, [1, 2] if number % 2 else [2, 1]) for number in range(60)]:
            future.result(30)
    with database.connect() as connection:
        assert connection.scalars(select(throttles.c.failures)).all() == [60, 60]


def _row(number: int) -> dict[str, object]:
    return {"digest": bytes([number]) * 32, "failures": 0, "blocked_until_us": 0, "seen_us": 0}
