"""Queries of the table of users.

The lock on a user's row is what enforces every limit and invariant per user: a transaction that counts something and
then adds to it takes the lock first (:func:`write_for_user`), so concurrent requests count one after another.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Row, bindparam, select, update

from auth.database import write
from auth.errors import PermissionDenied, ResourceNotFound
from auth.principal import User
from auth.tables import MAX_ID, users
from auth.users.skeletons import skeleton_digest
from auth.users.usernames import key_of, may_exist, normalize_username

UserRow = Row[tuple[Any, ...]]
T = TypeVar("T")

_BY_NAME: Final = select(users).where(users.c.username_key == bindparam("key"))


def user_from_row(row: UserRow) -> User:
    has_password = row.password is not None
    return User(row.id, row.username, row.email, row.role, row.created_us, has_password, row.disabled_us is not None)


def by_id(connection: Connection, user_id: int, *, lock: bool = False) -> UserRow | None:
    """None if there is no such user or they are deleted. ``lock`` locks the row until the transaction ends."""
    if not 0 < user_id <= MAX_ID:
        return None
    query = select(users).where(users.c.id == user_id, users.c.deleted_us.is_(None))
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def get_for_update(connection: Connection, user_id: int) -> UserRow:
    """The locked row. Raises ResourceNotFound."""
    row = by_id(connection, user_id, lock=True)
    if row is None:
        raise ResourceNotFound("There is no such user.")
    return row


def write_for_user(engine: Engine, user_id: int, work: Callable[[Connection, UserRow], T]) -> T:
    """Run ``work`` in a transaction that locks the row of a user, which it gets. Raises ResourceNotFound."""
    return write(engine, lambda connection: work(connection, get_for_update(connection, user_id)))


def by_name(connection: Connection, username: str) -> UserRow | None:
    """None if there is no such user; an invalid name is not queried."""
    if not may_exist(username):
        return None
    return connection.execute(_BY_NAME, {"key": key_of(username)}).one_or_none()


def by_lookalike(connection: Connection, username: str) -> UserRow | None:
    """The user whose name looks like this one, if any."""
    query = select(users).where(users.c.username_skeleton == skeleton_digest(username))
    return connection.execute(query).one_or_none()


def name_values(username: str) -> dict[str, Any]:
    """Columns that store a name."""
    name = normalize_username(username)
    return {"username": name, "username_key": key_of(name), "username_skeleton": skeleton_digest(name)}


def update_user(connection: Connection, user_id: int, **values: Any) -> None:  # noqa: ANN401
    connection.execute(update(users).where(users.c.id == user_id).values(values))


def get_admin_for_update(connection: Connection, user_id: int) -> UserRow:
    """The locked row of a user who may stop being an admin. Raises ResourceNotFound.

    All admins are locked first, in the order of their ids: those who remove each other would deadlock otherwise.
    """
    row = by_id(connection, user_id)
    if row is not None and row.role == "admin":
        _lock_admins(connection)
    return get_for_update(connection, user_id)


def require_another_admin(connection: Connection, row: UserRow) -> None:
    """Raises PermissionDenied if the user is the only active admin. ``row``: from :func:`get_admin_for_update`."""
    if row.role == "admin" and row.disabled_us is None and _lock_admins(connection) <= {row.id}:
        raise PermissionDenied("This is the only admin; make another user an admin first.")


def _lock_admins(connection: Connection) -> set[int]:
    """Lock the rows of all active admins and return their ids."""
    is_active = users.c.disabled_us.is_(None) & users.c.deleted_us.is_(None)
    query = select(users.c.id).where(users.c.role == "admin", is_active).order_by(users.c.id)
    return set(connection.scalars(query.with_for_update()))
