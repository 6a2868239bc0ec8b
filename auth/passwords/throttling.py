"""Slows down password guessing without locking anybody out.

*Known clients.* A browser in which the account has signed in (``auth.credentials.browsers``) has a limit of its own,
and so has each session or token in which the password is asked for again. What others send does not matter to them.

*Unknown clients* are told apart by their address, IPv6 by its /64 network. Failures are counted in three places:

- *Account from one address*: four failures are free; the fifth costs 1 s, the next 2, 4, … up to 30 s before the next
  attempt. The wait belongs to the pair of account and address, so guesses from elsewhere do not prolong it.
- *Address*, for any account: the same after 30 failures. It does not apply to an account that signed in from that
  address within 30 days.
- *Account*, from any address: after 30 failures, addresses that are not known need a reservation for each attempt.

*Reservations.* At an address that the owner shares with an attacker, the attacker would use up every attempt that
becomes free. Nothing distinguishes the owner there but the right password, so an attempt that comes too early reserves
a later check of the same password: sent again within two minutes after the announced wait, it is checked, whatever
happened in between. A flood of different guesses reserves much and gets nothing; an attacker who sends each guess twice
gets half of them checked, up to the limit of guesses per account and second. There is no smaller limit: whoever refuses
to check one of two attempts that look alike may have refused the owner. The limit is far below what the passwords that
``auth.passwords.strength`` accepts withstand; ``guesses_per_s`` derives it from their strength.

A reservation is a digest that expires. It contains 24 bits of a keyed digest of the password, which suffice to tell the
password from guesses and not to find it.

An attempt is counted before its password is checked and subtracted again if the password was right, so concurrent
attempts count like consecutive ones. A rejected attempt is not counted, its password is not checked, and the announced
wait stays. Failures are forgotten one by one. Unknown account names are treated like existing ones.

Registrations are limited the same way: a hundred from one address, then two a minute.
"""

import hmac
import math
import threading
from typing import Final

from sqlalchemy import Connection, delete

from auth.client_address import group_of
from auth.credentials.lifetimes import DAY, to_microseconds
from auth.errors import Throttled
from auth.passwords.admission import AdmissionRules, Attempt
from auth.passwords.backoff import MAX_FORGET_S, REGISTRATION_POLICY, FailureCount, LeakyBucket
from auth.passwords.failure_counts import Counts, CountStore
from auth.passwords.hashing import DEFAULT_STRENGTH, min_strength, normalize_password
from auth.passwords.throttle_keys import Origin, ThrottleKey, registration_key, validation_key
from auth.settings import TimeSource
from auth.tables import throttles

_KNOWN_ADDRESS_LIFETIME: Final = 30 * DAY
"""How long an address counts as known for an account that signed in from there."""
_MAX_GUESSES_PER_S: Final = 25.0
_MIN_GUESSES_PER_S: Final = 1.0
_NEW_RESERVATIONS: Final = LeakyBucket(rate=200, burst=400)
"""Of one process; bounds the rows in the database."""
_VALIDATIONS: Final = LeakyBucket(rate=2, burst=300)
"""Registrations from one address, whether valid or not: each estimates the strength of a password."""
_TAG_BITS: Final = 24


def guesses_per_s(min_length: int) -> float:
    """How many passwords of one account are checked per second for unknown clients.

    25 with the default minimum length; fewer, but at least one, in proportion to the strength of shorter passwords.
    """
    weaker: float = 10 ** (min_strength(min_length) - DEFAULT_STRENGTH)
    return max(_MIN_GUESSES_PER_S, _MAX_GUESSES_PER_S * weaker)


class LoginThrottle:
    """``key``: secret bytes, the same on all replicas. All replicas share the counts."""

    def __init__(
        self, counts: CountStore, clock: TimeSource, *, key: bytes, max_guesses_per_s: float = _MAX_GUESSES_PER_S
    ) -> None:
        self._counts = counts
        self._clock = clock
        self._key = key
        self._rules = AdmissionRules(max_guesses_per_s)
        self._lock = threading.Lock()
        self._reservations_empty_at_us = 0
        self.rejections = 0
        """Attempts and registrations rejected since the start; approximate, as threads may race."""

    def begin(self, account: str, origin: Origin, password: str) -> Attempt:
        """Count an attempt as a failure, until :meth:`succeed`. Raises Throttled if it comes too early.

        ``account`` is the normalized username, whether it exists or not.
        """
        waits_us = []
        for key in origin.keys(account, self._tag(password)):
            outcome = self._begin(key, password)
            if isinstance(outcome, Attempt):
                return outcome
            waits_us.append(outcome)
        raise self._throttled(min(waits_us))

    def succeed(self, connection: Connection, attempt: Attempt) -> None:
        """The password was right: clear the failures of the client, and remember its address as known."""

        def succeed(counts: Counts) -> None:
            self._rules.succeed(counts, attempt, self._now_us())

        self._counts.update_in(connection, attempt.key.all, succeed)

    def release(self, attempt: Attempt) -> None:
        """The password was not checked: undo the count."""
        self._counts.update(attempt.key.all, lambda counts: self._rules.release(counts, attempt, self._now_us()))

    def remember(self, account: str, address: str) -> None:
        """Mark the address as known for a new account."""
        known = ThrottleKey.of(account, group_of(address), "").known

        def mark(counts: Counts) -> None:
            counts[known] = FailureCount(seen_us=self._now_us())

        self._counts.update([known], mark)

    def validate(self, address: str) -> None:
        """Count a registration before it is validated. Raises Throttled after too many from the address."""
        digest = validation_key(address)

        def count(counts: Counts) -> int | None:
            now_us = self._now_us()
            empty_at_us = _VALIDATIONS.add(counts[digest].blocked_until_us, now_us)
            if empty_at_us is None:
                return now_us + to_microseconds(1)
            counts[digest] = counts[digest].blocked(empty_at_us, now_us)
            return None

        self._raise_if_throttled(self._counts.update([digest], count))

    def register(self, address: str) -> None:
        """Count a new account. Raises Throttled after too many from the address."""
        digest = registration_key(address)

        def count(counts: Counts) -> int | None:
            now_us = self._now_us()
            if counts[digest].blocked_until_us > now_us:
                return counts[digest].blocked_until_us
            counts[digest] = REGISTRATION_POLICY.with_failure(now_us, counts[digest])
            return None

        self._raise_if_throttled(self._counts.update([digest], count))

    def sweep(self, connection: Connection) -> int:
        """Delete rows that no longer have an effect, and return their number."""
        now_us = self._now_us()
        table = throttles.c
        is_known_address = (table.failures == 0) & (table.blocked_until_us == 0)
        old = table.seen_us <= now_us - to_microseconds(_KNOWN_ADDRESS_LIFETIME)
        forgotten = table.seen_us + (table.failures + 1) * to_microseconds(MAX_FORGET_S) <= now_us
        return connection.execute(delete(throttles).where(old | (~is_known_address & forgotten))).rowcount

    def _begin(self, key: ThrottleKey, password: str) -> Attempt | int:
        """The counted attempt, or until when it has to wait."""
        announced_us = self._rules.announced_us(self._counts.read(key.all), key, self._now_us())
        if announced_us is not None:  # this costs the database no write
            return announced_us

        def admit(counts: Counts) -> Attempt | int:
            return self._rules.admit(counts, key, password, self._now_us(), self._may_reserve)

        return self._counts.update(key.all, admit)

    def _tag(self, password: str) -> str:
        digest = hmac.digest(self._key, normalize_password(password), "sha256")
        return str(int.from_bytes(digest[:4]) >> (32 - _TAG_BITS))

    def _may_reserve(self) -> bool:
        now_us = self._now_us()
        with self._lock:
            empty_at_us = _NEW_RESERVATIONS.add(self._reservations_empty_at_us, now_us)
            if empty_at_us is not None:
                self._reservations_empty_at_us = empty_at_us
        return empty_at_us is not None

    def _raise_if_throttled(self, until_us: int | None) -> None:
        if until_us is not None:
            raise self._throttled(until_us, "registrations from this address")

    def _throttled(self, until_us: int, of_what: str = "failed sign-ins") -> Throttled:
        self.rejections += 1
        wait_s = max(1, math.ceil(until_us / 1e6 - self._clock()))
        return Throttled(f"Too many {of_what}; try again in {wait_s} s.", retry_after=float(wait_s))

    def _now_us(self) -> int:
        return to_microseconds(self._clock())
