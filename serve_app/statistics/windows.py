"""The time windows of the Top 10 and their buckets.

A bucket is 1/12 of a window. A window consists of the current bucket and the 12 before it, so it covers the whole
last hour, day or week and at most 1/12 more.
"""

from enum import StrEnum

BUCKETS_PER_WINDOW = 12


class Window(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    ALL = "all"


BUCKET_S: dict[Window, int] = {Window.HOUR: 300, Window.DAY: 7200, Window.WEEK: 50_400}
"""Length of a bucket, seconds. ``all`` has no buckets."""


def bucket_start(time_s: float, bucket_s: int) -> int:
    """Unix time of the start of the bucket that contains ``time_s``."""
    return int(time_s // bucket_s) * bucket_s


def bucket_starts(now_s: float, bucket_s: int) -> list[int]:
    """Start times of all buckets of the window that ends now, oldest first."""
    newest = bucket_start(now_s, bucket_s)
    return list(range(newest - BUCKETS_PER_WINDOW * bucket_s, newest + 1, bucket_s))
