"""What is left of deleted users: a nameless row, until nothing can be under way for them any more."""

from sqlalchemy import Connection, delete, select, update

from auth.tables import audit, credentials, identities, oauth_consents, oauth_families, users
from auth.users.repository import update_user

BELONGINGS = (credentials, identities, oauth_consents, oauth_families)


def soft_delete(connection: Connection, user_id: int, now_us: int) -> None:
    """Take the name and all they got in with. A colon is in no name that anybody may have."""
    name = f"deleted:{user_id}"
    update_user(connection, user_id, username=name, username_key=name, email="", password=None, deleted_us=now_us)
    for table in BELONGINGS:
        connection.execute(delete(table).where(table.c.user_id == user_id))


def soft_deleted_before(connection: Connection, before_us: int) -> list[int]:
    """The ids of those who were deleted before."""
    query = select(users.c.id).where(users.c.deleted_us <= before_us).order_by(users.c.id)
    return list(connection.scalars(query))


def remove(connection: Connection, user_id: int) -> None:
    """The row itself, what hangs on it, and from where they did what the log tells."""
    own = (audit.c.user_id == user_id) & (audit.c.actor_id == user_id)
    connection.execute(update(audit).where(own).values(address="", user_agent="", detail={}))
    connection.execute(delete(users).where(users.c.id == user_id))
