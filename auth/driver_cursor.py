"""Statements on the driver's own cursor, for transactions of every image and of every attempt to sign in.

SQLAlchemy compiles each statement once and takes no part in executing it: that would cost 50 to 150 µs, of which SQLite
needs 5.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from itertools import cycle
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ClauseElement, Connection, Dialect, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler


class _Compiled(NamedTuple):
    sql: str
    names: tuple[str, ...] | None
    """Of the parameters by position; None if the driver takes them by name."""
    constants: Mapping[str, Any]
    """Parameters with a value in the statement."""

    def arguments(self, values: Mapping[str, Any]) -> Mapping[str, Any] | list[Any]:
        """The values as the driver takes them."""
        if self.constants:
            values = {**self.constants, **values}
        return values if self.names is None else [values[name] for name in self.names]


class DriverCursor:
    """Executes statements in the transaction of a connection. Raises the errors of SQLAlchemy.

    It begins no transaction, which a query alone does not need; write only in one. Values are those of the driver:
    nothing converts the types of columns. Pass the same statement object each time, because compiling it is slow.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor = connection.connection.cursor()

    @property
    def dialect_name(self) -> str:
        return self._connection.dialect.name

    def rows(self, statement: ClauseElement, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        compiled = _compiled(statement, self._connection.dialect)
        self._run(self._cursor.execute, compiled.sql, compiled.arguments(parameters))
        return list(self._cursor.fetchall())

    def write(self, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement for each row; MySQL gets many rows of an INSERT at once."""
        compiled = _compiled(statement, self._connection.dialect)
        self._run(self._cursor.executemany, compiled.sql, [compiled.arguments(row) for row in rows])

    def _run(self, execute: Callable[[str, Any], object], sql: str, arguments: object) -> None:
        driver = self._connection.dialect.loaded_dbapi
        try:
            execute(sql, arguments)
        except driver.Error as error:
            raise self._as_sqlalchemy_error(error, sql, driver.Error) from error

    def _as_sqlalchemy_error(self, error: Exception, sql: str, base: type[Exception]) -> Exception:
        dialect, connection = self._connection.dialect, self._connection.connection
        is_disconnect = dialect.is_disconnect(error, connection.dbapi_connection, self._cursor)  # type: ignore[arg-type]
        if is_disconnect:
            self._connection.invalidate(error)  # otherwise the pool would lend it again
        return DBAPIError.instance(
            sql, None, error, base, hide_parameters=True, connection_invalidated=is_disconnect, dialect=dialect
        )


def placeholders(name: str, size: int) -> list[BindParameter[Any]]:
    """The parameters ``name0``, ``name1`` and so on, for an ``in_`` of so many values; see :func:`padded`."""
    return [bindparam(f"{name}{number}", required=False) for number in range(size)]


def padded(name: str, values: Collection[Any]) -> dict[str, Any]:
    """The values of :func:`placeholders`, repeated up to a power of two, so that there are few different statements."""
    size = 1 << max(0, len(values) - 1).bit_length()
    return {f"{name}{number}": value for number, value in zip(range(size), cycle(values), strict=False)}


@lru_cache
def _compiled(statement: ClauseElement, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - for the type checker
    names = None if compiled.positiontup is None else tuple(compiled.positiontup)
    return _Compiled(
        str(compiled), names, {name: value for name, value in compiled.params.items() if value is not None}
    )
