"""Which counters everyone sees: those of images that are public by their URL and by who requested them.

A URL with a query may contain a secret, such as a signature, so it is never counted. Any other image becomes public
with the first anonymous request, or once :data:`MIN_USERS` users have requested it.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Select, bindparam, delete, func, or_, select, update

from auth.driver_cursor import DriverCursor, padded, placeholders
from serve_app.statistics.tables import buckets, counter_users, counters
from serve_app.statistics.windows import BUCKET_S

MIN_USERS: Final = 3
"""Users who must have requested an image before it is public without an anonymous request."""

_PUBLIC_URL: Final = re.compile(r"https?://[^/?#@]+(/[^?#]*)?", re.IGNORECASE)

_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_PUBLIC_THROUGH_USERS: Final = select(counters.c.id).where(
    counters.c.id.in_(_IDS), counters.c.public, ~counters.c.anonymous
)
_IN_BUCKETS: Final = buckets.c.bucket_s.in_(list(BUCKET_S.values())) & buckets.c.counter_id.in_(_IDS)
_UNUSED: Final = select(counters.c.id).where(
    counters.c.id.in_(_IDS),
    or_(
        counters.c["count"] <= 0,
        ~counters.c.anonymous
        & ~select(counter_users.c.user_id).where(counter_users.c.counter_id == counters.c.id).exists(),
    ),
)


def may_be_public(url: str) -> bool:
    """Whether a URL has neither query nor fragment, user name or password."""
    return _PUBLIC_URL.fullmatch(url.strip()) is not None


def with_enough_users(connection: Connection, ids: Collection[int]) -> set[int]:
    """Those of the counters that at least ``MIN_USERS`` users have."""
    if not ids:
        return set()
    keys = padded("id", ids)
    return {id_ for (id_,) in DriverCursor(connection).rows(_with_enough_users(len(keys)), keys)}


@lru_cache
def _with_enough_users(size: int) -> Select[Any]:
    counter_id = counter_users.c.counter_id
    is_asked = counter_id.in_(placeholders("id", size))
    return select(counter_id).where(is_asked).group_by(counter_id).having(func.count() >= MIN_USERS)


def publish(connection: Connection, ids: Collection[int], *, public: bool = True) -> None:
    """Set whether everyone sees the counters and their buckets."""
    if not ids:
        return
    values = {"ids": sorted(ids)}
    connection.execute(update(counters).where(counters.c.id.in_(_IDS)).values(public=public), values)
    connection.execute(update(buckets).where(_IN_BUCKETS).values(public=public), values)


def withdraw(connection: Connection, ids: Collection[int]) -> None:
    """After counts were subtracted: hide counters with too few users, and delete those that count nothing anymore."""
    values = {"ids": sorted(ids)}
    connection.execute(delete(buckets).where(_IN_BUCKETS, buckets.c["count"] <= 0), values)
    connection.execute(
        delete(counter_users).where(counter_users.c.counter_id.in_(_IDS), counter_users.c["count"] <= 0), values
    )
    published = set(connection.scalars(_PUBLIC_THROUGH_USERS, values))
    publish(connection, published - with_enough_users(connection, published), public=False)
    if unused := list(connection.scalars(_UNUSED, values)):
        values = {"ids": sorted(unused)}
        connection.execute(delete(buckets).where(_IN_BUCKETS), values)
        connection.execute(delete(counter_users).where(counter_users.c.counter_id.in_(_IDS)), values)
        connection.execute(delete(counters).where(counters.c.id.in_(_IDS)), values)
