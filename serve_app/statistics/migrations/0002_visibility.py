"""Which counters are public, and the tables from which this follows; filled by the next migration."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def upgrade() -> None:
    op.create_table(
        "counter_users",
        sa.Column("counter_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        mysql_engine="InnoDB",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erasures",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("erased_us", sa.BigInteger, nullable=False),
        mysql_engine="InnoDB",
    )
    op.add_column("counters", _flag("anonymous"))
    op.add_column("counters", _flag("public"))
    op.add_column("buckets", _flag("public"))
    op.drop_index("counters_by_count", "counters")
    op.create_index("counters_by_count", "counters", ["kind", "public", "count", "last_seen_us"])
    op.drop_index("buckets_by_count", "buckets")
    op.create_index("buckets_by_count", "buckets", ["kind", "bucket_s", "start_s", "public", "count"])


def downgrade() -> None:
    op.drop_index("buckets_by_count", "buckets")
    op.create_index("buckets_by_count", "buckets", ["kind", "bucket_s", "start_s", "count"])
    op.drop_index("counters_by_count", "counters")
    op.create_index("counters_by_count", "counters", ["kind", "count", "last_seen_us"])
    op.drop_column("buckets", "public")
    op.drop_column("counters", "public")
    op.drop_column("counters", "anonymous")
    op.drop_table("erasures")
    op.drop_table("counter_users")
