"""Slows down password guessing without locking accounts.

Failures are counted in three places, and each count imposes a wait:

- *Account from one address*: four failures are free; the fifth costs 1 s, the next 2, 4, … up to 30 s before the next
  attempt. Guessing at one account from one address is limited to two guesses a minute.
- *Address*, for any account: the same after 30 failures. Trying one password on many accounts is limited to two guesses
  a minute as well. IPv6 addresses count by their /64 network.
- *Account*, from any address: after 30 failures, every further address has to wait as long before its first attempt and
  between attempts. A thousand addresses then get 2,000 guesses a minute, which is negligible for the passwords that
  ``auth.passwords.strength`` accepts.

The wait for an account belongs to the pair of account and address. Once announced it does not change, whatever others
do: the owner can sign in after that wait. With one shared wait per account, the most frequent client would use up every
slot, and the owner would be locked out.

The wait for an address is shared by all accounts; otherwise a client could queue for many accounts at once. It does not
apply to an account that signed in from that address within 30 days, so neighbours of an attacker can still sign in.

An attempt is counted before its password is checked and subtracted again if the password was right, so concurrent
attempts count like consecutive ones. A rejected attempt is not counted, its password is not checked, and the announced
wait stays. Failures are forgotten one by one. Unknown account names are treated like existing ones.

Registrations are limited the same way: a hundred from one address, then two a minute.
"""

import contextlib
import math
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.credentials.lifetimes import DAY, to_microseconds
from auth.database import MAX_ATTEMPTS, write
from auth.errors import Throttled
from auth.passwords.backoff import (
    ACCOUNT_POLICY,
    ADDRESS_POLICY,
    COUNT_RETENTION_S,
    PAIR_POLICY,
    REGISTRATION_POLICY,
    FailureCount,
    ThrottleKey,
    registration_key,
)
from auth.settings import TimeSource
from auth.tables import throttles

T = TypeVar("T")

_KNOWN_ADDRESS_LIFETIME: Final = 30 * DAY
"""How long an address counts as known for an account that signed in from there."""
_NO_FAILURES: Final = FailureCount()
_Counts = dict[bytes, FailureCount]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt in progress, counted as a failure so far."""

    key: ThrottleKey
    address_before_us: int
    """When the wait of the address ended before this attempt."""
    address_until_us: int
    """When it ends if this attempt fails."""


class LoginThrottle:
    """Counts in the database, so all replicas share the counts."""

    def __init__(self, engine: Engine, clock: TimeSource) -> None:
        self._engine = engine
        self._clock = clock
        self.rejections = 0
        """Attempts and registrations rejected since the start; approximate, as threads may race."""

    def begin(self, account: str, address: str) -> Attempt:
        """Count an attempt as a failure, until :meth:`succeed`. Raises Throttled if it comes too early.

        ``account`` is the normalized username, whether it exists or not.
        """
        key = ThrottleKey.of(account, address)
        with self._engine.connect() as connection:  # rejecting an attempt costs the database no write
            until_us = _blocked_until_us(_counts(connection, key.all), key)
        if until_us > self._now_us():
            raise self._throttled(until_us)
        outcome = self._write(lambda connection: self._count(connection, key))
        if isinstance(outcome, Attempt):
            return outcome
        raise self._throttled(outcome)

    def succeed(self, connection: Connection, attempt: Attempt) -> None:
        """The password was right: clear the failures of the pair, and remember the address as known."""
        key = attempt.key
        counts = _counts(connection, key.all, lock=True)
        _store(connection, key.pair, _NO_FAILURES, counts)
        if account := counts.get(key.account):
            _store(connection, key.account, account.minus_one(account.blocked_until_us), counts)
        if address := counts.get(key.address):
            is_unchanged = address.blocked_until_us == attempt.address_until_us
            until_us = attempt.address_before_us if is_unchanged else address.blocked_until_us
            _store(connection, key.address, address.minus_one(until_us), counts)
        _remember_address(connection, key.known, self._now_us())

    def register(self, address: str) -> None:
        """Count a registration. Raises Throttled after too many from the address."""
        digest = registration_key(address)
        until_us = self._write(lambda connection: self._count_registration(connection, digest))
        if until_us is not None:
            raise self._throttled(until_us, "registrations from this address")

    def sweep(self, connection: Connection) -> int:
        """Delete rows that no longer have an effect, and return their number."""
        now_us = self._now_us()
        table = throttles.c
        is_known_address = (table.failures == 0) & (table.blocked_until_us == 0)
        old = table.seen_us <= now_us - to_microseconds(_KNOWN_ADDRESS_LIFETIME)
        old |= ~is_known_address & (table.seen_us <= now_us - to_microseconds(COUNT_RETENTION_S))
        return connection.execute(delete(throttles).where(old)).rowcount

    def _throttled(self, until_us: int, of_what: str = "failed sign-ins") -> Throttled:
        self.rejections += 1
        wait_s = max(1, math.ceil(until_us / 1e6 - self._clock()))
        return Throttled(f"Too many {of_what}; try again in {wait_s} s.", retry_after=float(wait_s))

    def _now_us(self) -> int:
        return to_microseconds(self._clock())

    def _write(self, count: Callable[[Connection], T]) -> T:
        for _ in range(MAX_ATTEMPTS - 1):
            # A concurrent first failure may insert the same row; the next try then updates that row.
            with contextlib.suppress(IntegrityError):
                return write(self._engine, count)
        return write(self._engine, count)

    def _count(self, connection: Connection, key: ThrottleKey) -> Attempt | int:
        """The counted attempt, or until when it has to wait."""
        now_us = self._now_us()
        counts = _counts(connection, key.all, lock=True)
        account = ACCOUNT_POLICY.decayed(now_us, counts.get(key.account, _NO_FAILURES))
        account_wait_s = 0 if key.known in counts else ACCOUNT_POLICY.wait_s(account.failures)
        until_us = _blocked_until_us(counts, key)
        if until_us <= now_us and account_wait_s and key.pair not in counts:
            until_us = now_us + to_microseconds(account_wait_s)
            _store(connection, key.pair, FailureCount(0, until_us, now_us), counts)
        if until_us > now_us:
            return until_us
        pair = counts.get(key.pair, _NO_FAILURES)
        address = counts.get(key.address, _NO_FAILURES)
        failed = ADDRESS_POLICY.with_failure(now_us, address)
        _store(connection, key.pair, PAIR_POLICY.with_failure(now_us, pair, account_wait_s), counts)
        _store(connection, key.address, failed, counts)
        _store(
            connection,
            key.account,
            replace(ACCOUNT_POLICY.with_failure(now_us, account), blocked_until_us=0),
            counts,
        )
        return Attempt(key, address.blocked_until_us, failed.blocked_until_us)

    def _count_registration(self, connection: Connection, digest: bytes) -> int | None:
        """None if it was counted, otherwise until when it has to wait."""
        now_us = self._now_us()
        counts = _counts(connection, (digest,), lock=True)
        count = counts.get(digest, _NO_FAILURES)
        if count.blocked_until_us > now_us:
            return count.blocked_until_us
        _store(connection, digest, REGISTRATION_POLICY.with_failure(now_us, count), counts)
        return None


def _blocked_until_us(counts: _Counts, key: ThrottleKey) -> int:
    pair_us = counts.get(key.pair, _NO_FAILURES).blocked_until_us
    if key.known in counts:
        return pair_us
    return max(pair_us, counts.get(key.address, _NO_FAILURES).blocked_until_us)


def _counts(connection: Connection, digests: Collection[bytes], lock: bool = False) -> _Counts:
    query = select(throttles).where(throttles.c.digest.in_(digests)).order_by(throttles.c.digest)
    rows = connection.execute(query.with_for_update() if lock else query)
    return {row.digest: FailureCount(row.failures, row.blocked_until_us, row.seen_us) for row in rows}


def _store(connection: Connection, digest: bytes, count: FailureCount, counts: _Counts) -> None:
    if not count.failures and not count.blocked_until_us:
        connection.execute(delete(throttles).where(throttles.c.digest == digest))
    elif digest in counts:
        connection.execute(update(throttles).where(throttles.c.digest == digest).values(asdict(count)))
    else:
        connection.execute(insert(throttles).values(digest=digest, **asdict(count)))


def _remember_address(connection: Connection, digest: bytes, now_us: int) -> None:
    values = asdict(FailureCount(seen_us=now_us))
    row = update(throttles).where(throttles.c.digest == digest).values(values)
    if not connection.execute(row).rowcount:
        new = insert(throttles).values(digest=digest, **values)
        # A concurrent sign-in may insert the same row first, which is as good.
        for dialect, words in (("sqlite", "OR IGNORE"), ("mysql", "IGNORE"), ("mariadb", "IGNORE")):
            new = new.prefix_with(words, dialect=dialect)
        connection.execute(new)
