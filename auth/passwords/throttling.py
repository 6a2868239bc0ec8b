"""Slows the guessing of passwords down without locking anybody out.

Failures are counted in three places, and each makes people wait:

- *The account from this address*: four failures cost nothing, the fifth 1 s, the next 2, 4, … up to 30 s before the
  next attempt. One who guesses at an account from one address gets two guesses a minute.
- *The address*, whatever the account: the same after 30 failures. One who tries one password on many accounts gets two
  guesses a minute as well. Addresses of IPv6 count by their first 64 bits.
- *The account*, from wherever: after 30 failures each further address has to wait as long, before its first attempt and
  between any two. A thousand addresses get 2,000 guesses a minute; against fifteen characters that nobody thinks of
  first, that is nothing.

The wait for an account belongs to the account from one address. It is told once and stands, whatever others do
meanwhile: the owner gets in after the wait they were told, however busily others guess. Were it one wait for all, those
who ask most often would use it up each time, and the owner would be locked out.

For an address there is but one wait, or who tries many accounts would queue for all of them at once. It does not hold
for an account that signed in from that address within 30 days: the neighbours of one who guesses still get in.

An attempt is counted before its password is checked, and taken back if that was right: two hundred at once are no more
than two hundred one after the other. What is refused is not counted, its password is not looked at, and the wait stays
as it was told. Failures are forgotten one by one. A name that nobody has is treated as one that somebody has.

Accounts are made in the same measure: a hundred from one address, then two a minute.
"""

import contextlib
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.credentials.lifetimes import DAY, to_microseconds
from auth.database import MAX_ATTEMPTS, write
from auth.errors import Throttled
from auth.passwords.backoff import (
    ACCOUNT_POLICY,
    ADDRESS_POLICY,
    FORGOTTEN,
    PAIR_POLICY,
    REGISTRATION_POLICY,
    Count,
    ThrottleKey,
    registration_of,
)
from auth.settings import TimeSource
from auth.tables import throttles

T = TypeVar("T")

_KNOWN_ADDRESS_LIFETIME: Final = 30 * DAY
"""So long an address is remembered from which an account signed in."""
_NO_FAILURES: Final = Count()
Counts = dict[bytes, Count]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that is under way, counted as a failure."""

    keys: ThrottleKey
    address_before_us: int
    address_until_us: int
    """Until when the address had to wait before, and has to if this fails."""


class LoginThrottle:
    """Counts in the database, so all replicas count together."""

    def __init__(self, engine: Engine, clock: TimeSource) -> None:
        self._engine = engine
        self._clock = clock
        self.refused = 0
        """Attempts and new accounts that were told to wait, since the start; about, where threads meet."""

    def begin(self, account: str, address: str) -> Attempt:
        """Count an attempt, as failed until :meth:`succeed`. Raises Throttled where it comes too early.

        ``account`` is what makes a name one name, whether somebody has it or not.
        """
        keys = ThrottleKey.of(account, address)
        with self._engine.connect() as connection:  # who is refused costs the database no write
            until_us = _until_us(_counts(connection, keys.all), keys)
        if until_us > to_microseconds(self._clock()):
            raise self._throttled(until_us)
        outcome = self._repeatedly(lambda connection: self._count(connection, keys))
        if isinstance(outcome, Attempt):
            return outcome
        raise self._throttled(outcome)

    def succeed(self, connection: Connection, attempt: Attempt) -> None:
        """The password was right: forget the failures of this account from this address, and know the two together."""
        keys = attempt.keys
        counts = _counts(connection, keys.all, lock=True)
        _put(connection, keys.pair, _NO_FAILURES, counts)
        if account := counts.get(keys.account):
            _put(connection, keys.account, account.less_one(account.until_us), counts)
        if address := counts.get(keys.address):
            is_ours = address.until_us == attempt.address_until_us
            until_us = attempt.address_before_us if is_ours else address.until_us
            _put(connection, keys.address, address.less_one(until_us), counts)
        _know(connection, keys.known, to_microseconds(self._clock()))

    def register(self, address: str) -> None:
        """Count an account that is made. Raises Throttled where too many were made from the address."""
        digest = registration_of(address)
        until_us = self._repeatedly(lambda connection: self._count_registration(connection, digest))
        if until_us is not None:
            raise self._throttled(until_us, "accounts made from here")

    def sweep(self, connection: Connection) -> int:
        """Delete what makes nobody wait any more; how much that was."""
        now_us = to_microseconds(self._clock())
        table = throttles.c
        is_known = (table.failures == 0) & (table.blocked_until_us == 0)
        old = table.seen_us <= now_us - to_microseconds(_KNOWN_ADDRESS_LIFETIME)
        old |= ~is_known & (table.seen_us <= now_us - to_microseconds(FORGOTTEN))
        return connection.execute(delete(throttles).where(old)).rowcount

    def _throttled(self, until_us: int, of_what: str = "failed sign-ins") -> Throttled:
        self.refused += 1
        wait_s = max(1, math.ceil(until_us / 1e6 - self._clock()))
        return Throttled(f"Too many {of_what}; try again in {wait_s} s.", retry_after=float(wait_s))

    def _repeatedly(self, count: Callable[[Connection], T]) -> T:
        for _ in range(MAX_ATTEMPTS - 1):
            # Another's first failure may come up at the same moment: the next time its row is there to be counted in.
            with contextlib.suppress(IntegrityError):
                return write(self._engine, count)
        return write(self._engine, count)

    def _count(self, connection: Connection, keys: ThrottleKey) -> Attempt | int:
        """The attempt, or until when it has to wait."""
        now_us = to_microseconds(self._clock())
        counts = _counts(connection, keys.all, lock=True)
        account = ACCOUNT_POLICY.at(now_us, counts.get(keys.account, _NO_FAILURES))
        account_wait_s = 0 if keys.known in counts else ACCOUNT_POLICY.wait_s(account.failures)
        until_us = _until_us(counts, keys)
        if until_us <= now_us and account_wait_s and keys.pair not in counts:
            until_us = now_us + to_microseconds(account_wait_s)
            _put(connection, keys.pair, Count(0, until_us, now_us), counts)
        if until_us > now_us:
            return until_us
        address = counts.get(keys.address, _NO_FAILURES)
        failed = ADDRESS_POLICY.failed(now_us, address)
        _put(
            connection,
            keys.pair,
            PAIR_POLICY.failed(now_us, counts.get(keys.pair, _NO_FAILURES), account_wait_s),
            counts,
        )
        _put(connection, keys.address, failed, counts)
        _put(connection, keys.account, replace(ACCOUNT_POLICY.failed(now_us, account), until_us=0), counts)
        return Attempt(keys, address.until_us, failed.until_us)

    def _count_registration(self, connection: Connection, digest: bytes) -> int | None:
        """Until when it has to wait, if it has to."""
        now_us = to_microseconds(self._clock())
        counts = _counts(connection, (digest,), lock=True)
        count = counts.get(digest, _NO_FAILURES)
        if count.until_us > now_us:
            return count.until_us
        _put(connection, digest, REGISTRATION_POLICY.failed(now_us, count), counts)
        return None


def _until_us(counts: Counts, keys: ThrottleKey) -> int:
    """Before this the attempt comes too early."""
    pair_us = counts.get(keys.pair, _NO_FAILURES).until_us
    return pair_us if keys.known in counts else max(pair_us, counts.get(keys.address, _NO_FAILURES).until_us)


def _counts(connection: Connection, digests: Collection[bytes], lock: bool = False) -> Counts:
    query = select(throttles).where(throttles.c.digest.in_(digests)).order_by(throttles.c.digest)
    rows = connection.execute(query.with_for_update() if lock else query)
    return {row.digest: Count(row.failures, row.blocked_until_us, row.seen_us) for row in rows}


def _put(connection: Connection, digest: bytes, count: Count, counts: Counts) -> None:
    values = {"failures": count.failures, "blocked_until_us": count.until_us, "seen_us": count.seen_us}
    if not count.failures and not count.until_us:
        connection.execute(delete(throttles).where(throttles.c.digest == digest))
    elif digest in counts:
        connection.execute(update(throttles).where(throttles.c.digest == digest).values(values))
    else:
        connection.execute(insert(throttles).values(digest=digest, **values))


def _know(connection: Connection, digest: bytes, now_us: int) -> None:
    values = {"failures": 0, "blocked_until_us": 0, "seen_us": now_us}
    known = update(throttles).where(throttles.c.digest == digest).values(values)
    if not connection.execute(known).rowcount:
        new = insert(throttles).values(digest=digest, **values)
        # Somebody may sign in twice at once: one of the two was first, and either says the same.
        for dialect, words in (("sqlite", "OR IGNORE"), ("mysql", "IGNORE"), ("mariadb", "IGNORE")):
            new = new.prefix_with(words, dialect=dialect)
        connection.execute(new)
