"""The windows of the Top 10, and the buckets of time they are summed from.

A window is the bucket of now and the 12 before it, a bucket being a 12th of the window. So it holds everything of the
hour, day or week that has passed, and reaches at most 1/12 further back.
"""

from enum import StrEnum

BUCKETS_A_WINDOW = 12


class Window(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    ALL = "all"


BUCKET_S: dict[Window, int] = {Window.HOUR: 300, Window.DAY: 7200, Window.WEEK: 50_400}
"""Length of a bucket in seconds; ``all`` has none, its counters are never dropped."""


def bucket_start(time_s: float, bucket_s: int) -> int:
    """Unix time at which the bucket that holds ``time_s`` starts."""
    return int(time_s // bucket_s) * bucket_s


def bucket_starts(now_s: float, bucket_s: int) -> list[int]:
    """Starts of all buckets of the window that ends now, oldest first."""
    newest = bucket_start(now_s, bucket_s)
    return list(range(newest - BUCKETS_A_WINDOW * bucket_s, newest + 1, bucket_s))
