"""What usernames look like, and the devices of native clients.

Of existing names that look the same, the oldest keeps its skeleton; the others stay valid without one.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from auth.users.skeletons import skeleton_digest

revision = "0002"
down_revision = "0001"

_OPTIONS: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}
_BATCH: Final = 1000


def _id_type() -> TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _sha256() -> TypeEngine[bytes]:
    return sa.LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")


_users: Final = sa.table(
    "users", sa.column("id"), sa.column("username"), sa.column("username_skeleton"), sa.column("deleted_us")
)


def upgrade() -> None:
    op.add_column("users", sa.Column("username_skeleton", _sha256()))
    _set_skeletons()
    op.create_index("users_by_skeleton", "users", ["username_skeleton"], unique=True)
    op.create_index("users_by_role", "users", ["role"])
    op.add_column("oauth_families", sa.Column("device_id", sa.BigInteger))
    op.create_table(
        "oauth_devices",
        sa.Column("id", _id_type(), primary_key=True),
        sa.Column("user_id", _id_type(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("client_id", sa.String(64), sa.ForeignKey("oauth_clients.id", ondelete="CASCADE"), nullable=False),
        sa.Column("thumbprint", _sha256(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("scopes", sa.String(255), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("seen_us", sa.BigInteger, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sqlite_autoincrement=True,
        **_OPTIONS,
    )
    columns = ["user_id", "client_id", "thumbprint"]
    op.create_index("oauth_devices_by_thumbprint", "oauth_devices", columns, unique=True)


def downgrade() -> None:
    op.drop_table("oauth_devices")
    op.drop_column("oauth_families", "device_id")
    op.drop_index("users_by_role", "users")
    op.drop_index("users_by_skeleton", "users")
    op.drop_column("users", "username_skeleton")


def _set_skeletons() -> None:
    connection, last_id, taken = op.get_bind(), 0, set[bytes]()
    query = sa.select(_users.c.id, _users.c.username).where(_users.c.deleted_us.is_(None)).order_by(_users.c.id)
    statement = sa.update(_users).where(_users.c.id == sa.bindparam("user_id"))
    statement = statement.values(username_skeleton=sa.bindparam("skeleton", type_=_sha256()))
    while rows := connection.execute(query.where(_users.c.id > last_id).limit(_BATCH)).all():
        last_id = rows[-1].id
        new = {skeleton: row.id for row in reversed(rows) if (skeleton := skeleton_digest(row.username)) not in taken}
        taken |= new.keys()
        if new:
            connection.execute(statement, [{"user_id": id_, "skeleton": skeleton} for skeleton, id_ in new.items()])
