"""Decides which existing counters are public, and deletes those that nobody's stored classifications explain.

An image is public only if a stored classification without a user, or those of three users, show who requested it. URLs
with a query or fragment are deleted, and so are images whose classifications all have been deleted.
"""

import hashlib
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SQLITE_KEY: Final = "image_key(r.url, r.sha256)"
"""The key of the counter of a row."""
_MYSQL_KEY: Final = "IF(r.url IS NULL, UNHEX(r.sha256), UNHEX(SHA2(r.url, 256)))"

# User 0 stands for no user until the anonymous counters are known. The statements can be repeated.
_DELETE_QUERIES = "DELETE FROM counters WHERE kind = 0 AND (url LIKE '%?%' OR url LIKE '%#%')"
_FIND_USERS = """
    INSERT INTO counter_users (counter_id, user_id, count)
    SELECT c.id, COALESCE(r.user_id, 0), COUNT(*)
    FROM classifications r
    JOIN counters c ON c.kind = CASE WHEN r.url IS NULL THEN 1 ELSE 0 END AND c.`key` = {key}
    GROUP BY c.id, COALESCE(r.user_id, 0)
"""
_PUBLISH = (
    """
    UPDATE counters SET anonymous = 1, public = 1
    WHERE kind = 2 OR id IN (SELECT counter_id FROM counter_users WHERE user_id = 0)
    """,
    "DELETE FROM counter_users WHERE user_id = 0",
    """
    UPDATE counters SET public = 1
    WHERE id IN (SELECT counter_id FROM counter_users GROUP BY counter_id HAVING COUNT(*) >= 3)
    """,
    "DELETE FROM counters WHERE anonymous = 0 AND id NOT IN (SELECT counter_id FROM counter_users)",
    "DELETE FROM buckets WHERE counter_id NOT IN (SELECT id FROM counters)",
    "UPDATE buckets SET public = 1 WHERE counter_id IN (SELECT id FROM counters WHERE public = 1)",
)


def upgrade() -> None:
    key = _MYSQL_KEY
    if op.get_bind().dialect.name == "sqlite":
        connection: Any = op.get_bind().connection.driver_connection
        connection.create_function("image_key", 2, _image_key)
        key = _SQLITE_KEY
    find_users = _FIND_USERS.format(key=key)
    for statement in (_DELETE_QUERIES, "DELETE FROM counter_users", find_users, *_PUBLISH):
        op.execute(sa.text(statement))


def downgrade() -> None:
    """The counters stay as they are."""


def _image_key(url: str | None, sha256: str) -> bytes:
    return bytes.fromhex(sha256) if url is None else hashlib.sha256(url.encode()).digest()
