"""Failure counts, backoff policies and leaky buckets."""

from dataclasses import dataclass
from typing import Final

from auth.credentials.lifetimes import MINUTE, to_microseconds

MAX_WAIT_S: Final = 30
_MAX_CLOCK_SKEW_US: Final = to_microseconds(MINUTE)


@dataclass(frozen=True, slots=True)
class FailureCount:
    failures: int = 0
    blocked_until_us: int = 0
    seen_us: int = 0
    """Start of the interval after which the next failure is forgotten."""

    @property
    def is_mark(self) -> bool:
        """Whether this is no count but marks an address that is known."""
        return not self.failures and not self.blocked_until_us

    def blocked(self, until_us: int, now_us: int) -> "FailureCount":
        return FailureCount(self.failures, until_us, now_us)

    def minus_one(self, blocked_until_us: int) -> "FailureCount":
        return FailureCount(max(0, self.failures - 1), blocked_until_us, self.seen_us)


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """The first ``free`` failures cause no wait; one failure is forgotten every ``forget_s`` seconds."""

    free: int
    forget_s: int

    def wait_s(self, failures: int) -> int:
        """Seconds until the next attempt: 1, 2, 4 and so on."""
        return 0 if failures <= self.free else min(MAX_WAIT_S, 1 << (failures - self.free - 1))

    @property
    def max_failures(self) -> int:
        """Cap on the count: more failures would not lengthen the wait, only take longer to forget.

        It is one above what the longest wait needs, so that a successful attempt, which is subtracted, does not
        shorten the wait.
        """
        return self.free + MAX_WAIT_S.bit_length() + 2

    def decayed(self, now_us: int, count: FailureCount) -> FailureCount:
        """The count without the failures forgotten by now. ``now_us`` may be earlier, if replicas' clocks differ."""
        interval_us = to_microseconds(self.forget_s)
        forgotten = min(count.failures, max(0, now_us - count.seen_us) // interval_us)
        if forgotten == count.failures:
            return FailureCount(0, count.blocked_until_us, now_us)
        seen_us = count.seen_us + forgotten * interval_us
        return FailureCount(count.failures - forgotten, count.blocked_until_us, seen_us)

    def with_failure(self, now_us: int, count: FailureCount, min_wait_s: int = 0) -> FailureCount:
        """The count after one more failure."""
        count = self.decayed(now_us, count)
        failures = min(count.failures + 1, self.max_failures)
        wait_s = max(self.wait_s(failures), min_wait_s)
        until_us = max(count.blocked_until_us, now_us + to_microseconds(wait_s)) if wait_s else count.blocked_until_us
        return FailureCount(failures, until_us, count.seen_us)


PAIR_POLICY: Final = BackoffPolicy(free=4, forget_s=5 * MINUTE)
ADDRESS_POLICY: Final = BackoffPolicy(free=30, forget_s=MINUTE)
ACCOUNT_POLICY: Final = BackoffPolicy(free=30, forget_s=MINUTE)
REGISTRATION_POLICY: Final = BackoffPolicy(free=100, forget_s=MINUTE)
MAX_FORGET_S: Final = max(
    policy.forget_s for policy in (PAIR_POLICY, ADDRESS_POLICY, ACCOUNT_POLICY, REGISTRATION_POLICY)
)
"""After ``failures + 1`` times this, a count has decayed to zero."""


@dataclass(frozen=True, slots=True)
class LeakyBucket:
    """A leaky bucket as a meter: ``rate`` per second on average and ``burst`` at once (generic cell rate algorithm).

    Its state is one time, Unix microseconds: when the bucket is empty and the whole burst available again.
    """

    rate: float
    burst: int

    def add(self, empty_at_us: int, now_us: int) -> int | None:
        """The state after adding one; None if the bucket is full."""
        interval_us = to_microseconds(1 / self.rate)
        depth_us = self.burst * interval_us
        if empty_at_us > now_us + depth_us + _MAX_CLOCK_SKEW_US:
            empty_at_us = now_us  # another replica's clock is ahead by so much that this one would never get a share
        empty_at_us = max(empty_at_us, now_us) + interval_us
        return empty_at_us if empty_at_us - now_us <= depth_us else None
