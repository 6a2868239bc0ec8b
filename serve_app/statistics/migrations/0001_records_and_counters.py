"""Classifications, counters and buckets.

A migration describes the tables at its revision, so it repeats the columns instead of importing them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None

_MYSQL = ("mysql", "mariadb")


def _hex(digits: int) -> TypeEngine[str]:
    return sa.String(digits).with_variant(mysql.CHAR(digits, charset="ascii", collation="ascii_bin"), *_MYSQL)


def _tallies() -> list[sa.Column[int]]:
    names = ("count", "sum_us", "min_us", "max_us", "last_seen_us")
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "classifications",
        sa.Column("id", _hex(32), primary_key=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.BigInteger),
        sa.Column("sha256", _hex(64), nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("runtime", sa.String(64), nullable=False),
        sa.Column("precision", sa.String(32), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("wnid", sa.Text, nullable=False),
        sa.Column("predictions", sa.JSON, nullable=False),
        sa.Column("cached", sa.Boolean, nullable=False),
        sa.Column("processing_ms", sa.Double, nullable=False),
        sa.Column("timings_ms", sa.JSON, nullable=False),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index("classifications_by_time", "classifications", ["created_us", "id"])
    op.create_index("classifications_by_user", "classifications", ["user_id", "created_us", "id"])
    op.create_table(
        "counters",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("key", sa.LargeBinary(32).with_variant(mysql.BINARY(32), *_MYSQL), nullable=False),
        *_tallies(),
        sa.Column("url", sa.Text),
        sa.Column("sha256", _hex(64)),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("wnid", sa.Text, nullable=False),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index("counters_by_key", "counters", ["kind", "key"], unique=True)
    op.create_index("counters_by_count", "counters", ["kind", "count", "last_seen_us"])
    op.create_table(
        "buckets",
        sa.Column("bucket_s", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("counter_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("start_s", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        *_tallies(),
        mysql_engine="InnoDB",
        sqlite_with_rowid=False,
    )
    op.create_index("buckets_by_count", "buckets", ["kind", "bucket_s", "start_s", "count"])


def downgrade() -> None:
    op.drop_table("buckets")
    op.drop_table("counters")
    op.drop_table("classifications")
