"""The tables of the statistics. Times are integer microseconds, which are exact in every database."""

from enum import IntEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

_MYSQL = ("mysql", "mariadb")
statistics_metadata = MetaData()


class CounterKind(IntEnum):
    """What a counter counts. Its key is the SHA-256 of the value described here."""

    URL = 0
    """An image, by the requested URL."""
    UPLOAD = 1
    """An uploaded image, by its content."""
    LABEL = 2
    """A top-1 class, by its wnid, or by its label if the classes of the model have no wnid."""


def _hex(digits: int) -> TypeEngine[str]:
    return String(digits).with_variant(mysql.CHAR(digits, charset="ascii", collation="ascii_bin"), *_MYSQL)


def _flag(name: str) -> Column[bool]:
    """False by default, so that a version of Raylens that does not know the column can write."""
    return Column(name, Boolean, nullable=False, server_default=false())


def _tallies() -> list[Column[int]]:
    return [
        Column(name, BigInteger, nullable=False) for name in ("count", "sum_us", "min_us", "max_us", "last_seen_us")
    ]


classifications = Table(
    "classifications",
    statistics_metadata,
    Column("id", _hex(32), primary_key=True),
    Column("created_us", BigInteger, nullable=False),
    Column("user_id", BigInteger),
    Column("sha256", _hex(64), nullable=False),
    Column("url", Text),
    Column("format", String(32), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("runtime", String(64), nullable=False),
    Column("precision", String(32), nullable=False),
    Column("label", Text, nullable=False),
    Column("wnid", Text, nullable=False),
    Column("predictions", JSON, nullable=False),
    Column("cached", Boolean, nullable=False),
    Column("processing_ms", Double, nullable=False),
    Column("timings_ms", JSON, nullable=False),
    Index("classifications_by_time", "created_us", "id"),
    Index("classifications_by_user", "user_id", "created_us", "id"),
    mysql_charset="utf8mb4",
    mysql_engine="InnoDB",
)
"""One row per completed classification."""

counters = Table(
    "counters",
    statistics_metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("key", LargeBinary(32).with_variant(mysql.BINARY(32), *_MYSQL), nullable=False),
    *_tallies(),
    Column("url", Text),
    Column("sha256", _hex(64)),
    Column("label", Text, nullable=False),
    Column("wnid", Text, nullable=False),
    _flag("anonymous"),
    _flag("public"),
    Index("counters_by_key", "kind", "key", unique=True),
    Index("counters_by_count", "kind", "public", "count", "last_seen_us"),
    mysql_charset="utf8mb4",
    mysql_engine="InnoDB",
)
"""All-time tallies per image and per label. ``sha256`` (images only), ``label`` and ``wnid`` are those seen last.

``anonymous``: whether a request without a user is counted. ``public``: whether everyone sees the counter, see
:mod:`serve_app.statistics.visibility`. Both are always true for labels.
"""

counter_users = Table(
    "counter_users",
    statistics_metadata,
    Column("counter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    mysql_engine="InnoDB",
    sqlite_with_rowid=False,
)
"""How often each user classified an image, for the number of its users."""

erasures = Table(
    "erasures",
    statistics_metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("erased_us", BigInteger, nullable=False),
    mysql_engine="InnoDB",
)
"""When a user's classifications were last erased; older ones that still wait in a spool are dropped."""

buckets = Table(
    "buckets",
    statistics_metadata,
    Column("bucket_s", Integer, primary_key=True, autoincrement=False),
    Column("counter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("start_s", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False),
    *_tallies(),
    _flag("public"),
    Index("buckets_by_count", "kind", "bucket_s", "start_s", "public", "count"),
    mysql_engine="InnoDB",
    sqlite_with_rowid=False,
)
"""Tallies per time bucket, see :mod:`serve_app.statistics.windows`; deleted when they are outside every window.
``public`` is that of the counter.

The primary key has the counter's id, not its hash: new ids are appended, so a batch touches few pages.
"""
