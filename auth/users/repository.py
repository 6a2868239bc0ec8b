"""Queries of the table of users."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from auth.errors import PermissionDenied, ResourceNotFound
from auth.principal import User
from auth.tables import MAX_ID, users
from auth.users.usernames import key_of, username_errors

UserRow = Row[tuple[Any, ...]]


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


def by_name(connection: Connection, username: str) -> UserRow | None:
    """None if there is no such user; an invalid name is not queried."""
    if username_errors(username):
        return None
    return connection.execute(select(users).where(users.c.username_key == key_of(username))).one_or_none()


def update_user(connection: Connection, user_id: int, **values: Any) -> None:  # noqa: ANN401
    connection.execute(update(users).where(users.c.id == user_id).values(values))


def require_another_admin(connection: Connection, row: UserRow) -> None:
    """Raises PermissionDenied if the user is the only active admin."""
    if row.role != "admin" or row.disabled_us is not None:
        return
    is_active = users.c.disabled_us.is_(None) & users.c.deleted_us.is_(None)
    others = select(users.c.id).where(users.c.role == "admin", is_active, users.c.id != row.id)
    if connection.execute(others.limit(1).with_for_update()).first() is None:
        raise PermissionDenied("This is the only admin; make another user an admin first.")
