"""Deletion of users in two steps: soft delete at once, hard delete once no request of theirs can be in progress."""

from sqlalchemy import Connection, delete, select, update

from auth.tables import audit, credentials, identities, oauth_consents, oauth_devices, oauth_families, users
from auth.users.repository import update_user

_OWNED_TABLES = (credentials, identities, oauth_consents, oauth_devices, oauth_families)


def soft_delete(connection: Connection, user_id: int, now_us: int) -> None:
    """Anonymize the row and delete all credentials. The new name has a colon, which no valid username contains."""
    name = f"deleted:{user_id}"
    names = {"username": name, "username_key": name, "username_skeleton": None}
    update_user(connection, user_id, **names, email="", password=None, deleted_us=now_us)
    for table in _OWNED_TABLES:
        connection.execute(delete(table).where(table.c.user_id == user_id))


def soft_deleted_before(connection: Connection, before_us: int) -> list[int]:
    """Ids of users deleted before this time."""
    query = select(users.c.id).where(users.c.deleted_us <= before_us).order_by(users.c.id)
    return list(connection.scalars(query))


def hard_delete(connection: Connection, user_id: int) -> None:
    """Delete the row with its dependent rows, and anonymize the user's own audit records."""
    own = (audit.c.user_id == user_id) & (audit.c.actor_id == user_id)
    connection.execute(update(audit).where(own).values(address="", user_agent="", detail={}))
    connection.execute(delete(users).where(users.c.id == user_id))
