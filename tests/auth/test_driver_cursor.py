from typing import Any

import pytest
from sqlalchemy import BindParameter, Engine, bindparam, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from auth.database import write
from auth.driver_cursor import DriverCursor, padded, placeholders
from auth.tables import throttles
from tests.auth.databases import both_databases

VALUES: dict[str, BindParameter[Any]] = {column.name: bindparam(column.name, required=False) for column in throttles.c}
INSERT = insert(throttles).values(VALUES)
ANY = select(throttles.c.failures).where(throttles.c.failures > 0)


def row(number: int) -> dict[str, Any]:
    return {"digest": bytes([number]) * 32, "failures": number, "blocked_until_us": 2**60, "seen_us": 0}


@both_databases
def test_rows_read_back_as_they_were_written(database: Engine) -> None:
    write(database, lambda connection: DriverCursor(connection).write(INSERT, [row(n) for n in range(5)]))
    wanted = padded("digest", [row(n)["digest"] for n in (1, 2, 4)])
    query = select(*throttles.c).where(
        throttles.c.digest.in_(placeholders("digest", len(wanted))), throttles.c.failures.in_([1, 4])
    )
    with database.connect() as connection:
        found = DriverCursor(connection).rows(query.order_by(throttles.c.failures), wanted)
    assert found == [tuple(row(n).values()) for n in (1, 4)]


@both_databases
def test_errors_are_those_of_sqlalchemy_without_values(database: Engine) -> None:
    write(database, lambda connection: DriverCursor(connection).write(INSERT, [row(1)]))
    with pytest.raises(IntegrityError) as error:
        write(database, lambda connection: DriverCursor(connection).write(INSERT, [row(2), row(1)]))
    assert str(2**60) not in str(error.value)
    with database.connect() as connection:
        assert DriverCursor(connection).rows(ANY, {}) == [(1,)]


@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
def test_a_lost_connection_is_not_used_again(database: Engine) -> None:
    with database.connect() as connection, database.connect() as other:
        other.exec_driver_sql(f"KILL {connection.scalar(text('SELECT CONNECTION_ID()'))}")
        with pytest.raises(OperationalError) as error:
            DriverCursor(connection).rows(ANY, {})
    assert error.value.connection_invalidated
    with database.connect() as connection:
        assert DriverCursor(connection).rows(ANY, {}) == []


@pytest.mark.parametrize(("number", "size"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8)])
def test_the_number_of_values_is_a_power_of_two(number: int, size: int) -> None:
    values = padded("id", range(number))
    assert list(values) == [f"id{n}" for n in range(size)]
    assert set(values.values()) == set(range(number))
