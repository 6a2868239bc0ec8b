"""The rules by which attempts are admitted; they read and change counts and know no database. See ``throttling``."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from auth.credentials.lifetimes import MINUTE, to_microseconds
from auth.passwords.backoff import ACCOUNT_POLICY, ADDRESS_POLICY, PAIR_POLICY, FailureCount, LeakyBucket
from auth.passwords.failure_counts import Counts
from auth.passwords.throttle_keys import ThrottleKey

RESERVATION_LIFETIME_S: Final = 2 * MINUTE
"""After the announced wait."""
_RETRY_S: Final = 1
"""The announced wait while too many passwords of one account are checked."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An admitted attempt with its password, counted as a failure so far."""

    key: ThrottleKey
    password: str = field(repr=False)
    is_preferred: bool
    """Whether its client is known."""
    by_reservation: bool = False
    pair_before_us: int = 0
    """When the wait of the pair ended before this attempt."""
    pair_until_us: int = 0
    """When it ends if this attempt fails."""
    address_before_us: int = 0
    address_until_us: int = 0


class AdmissionRules:
    def __init__(self, guesses_per_s: float) -> None:
        """``guesses_per_s``: how many reservations are redeemed at one address and for one account, on average.

        An address may make twice as many.
        """
        self._redemptions = LeakyBucket(guesses_per_s, burst=max(1, round(2 * guesses_per_s)))
        self._reservations = LeakyBucket(2 * guesses_per_s, burst=max(1, round(4 * guesses_per_s)))

    def announced_us(self, counts: Counts, key: ThrottleKey, now_us: int) -> int | None:
        """Until when the attempt has to wait, if nothing has to be stored for that; None to call :meth:`admit`."""
        until_us = _wait_until_us(counts, key, now_us)
        if until_us <= now_us:
            return None
        if key.is_trusted:
            return until_us
        if (reserved_us := _reserved_us(counts, key, now_us)) is not None:
            return reserved_us if reserved_us > now_us else None
        is_full = self._reservations.add(counts[key.reservations].blocked_until_us, now_us) is None
        return until_us if is_full else None

    def admit(
        self, counts: Counts, key: ThrottleKey, password: str, now_us: int, may_reserve: Callable[[], bool]
    ) -> Attempt | int:
        """The attempt, counted as a failure, or until when it has to wait."""
        until_us = _wait_until_us(counts, key, now_us)
        if until_us <= now_us:
            return self._count(counts, key, password, now_us)
        if key.is_trusted:
            return until_us
        if (reserved_us := _reserved_us(counts, key, now_us)) is None:
            self._reserve(counts, key, until_us, now_us, may_reserve)
            return until_us
        return reserved_us if reserved_us > now_us else self._redeem(counts, key, password, now_us)

    def succeed(self, counts: Counts, attempt: Attempt, now_us: int) -> None:
        """The password was right: clear the failures of the client, and remember its address."""
        self._uncount(counts, attempt)
        if not attempt.by_reservation:  # otherwise the failures of the pair are those of somebody else
            del counts[attempt.key.pair]
        if attempt.key.known:
            counts[attempt.key.known] = FailureCount(seen_us=now_us)

    def release(self, counts: Counts, attempt: Attempt, now_us: int) -> None:
        """The password was not checked after all: undo the count."""
        self._uncount(counts, attempt)
        if attempt.by_reservation:
            counts[attempt.key.reservation] = FailureCount(0, now_us, now_us)

    def _may_redeem(self, counts: Counts, key: ThrottleKey, now_us: int) -> bool:
        """Metered at the address and, once it is attacked, for the account."""
        digests = [key.redemptions, key.checks] if _account_wait_s(counts, key, now_us) else [key.redemptions]
        added = {digest: self._redemptions.add(counts[digest].blocked_until_us, now_us) for digest in digests}
        for digest, empty_at_us in added.items():
            if empty_at_us is None:
                return False
            counts[digest] = FailureCount(0, empty_at_us, now_us)
        return True

    def _redeem(self, counts: Counts, key: ThrottleKey, password: str, now_us: int) -> Attempt | int:
        """Admit the attempt by its reservation, which does not count for the pair and the address."""
        if not self._may_redeem(counts, key, now_us):
            return now_us + to_microseconds(_RETRY_S)
        del counts[key.reservation]
        _count_for_account(counts, key, now_us)
        return Attempt(key, password, is_preferred=False, by_reservation=True)

    def _count(self, counts: Counts, key: ThrottleKey, password: str, now_us: int) -> Attempt:
        pair = counts[key.pair]
        counts[key.pair] = PAIR_POLICY.with_failure(now_us, pair)
        until_us, is_known = counts[key.pair].blocked_until_us, key.is_trusted or key.known in counts
        attempt = Attempt(key, password, is_known, pair_before_us=pair.blocked_until_us, pair_until_us=until_us)
        if key.is_trusted:
            return attempt
        address = counts[key.address]
        counts[key.address] = ADDRESS_POLICY.with_failure(now_us, address)
        _count_for_account(counts, key, now_us)
        address_until_us = counts[key.address].blocked_until_us
        return replace(attempt, address_before_us=address.blocked_until_us, address_until_us=address_until_us)

    def _uncount(self, counts: Counts, attempt: Attempt) -> None:
        key = attempt.key
        if not attempt.by_reservation:
            _subtract(counts, key.pair, attempt.pair_before_us, attempt.pair_until_us)
        if key.is_trusted:
            return
        account = counts[key.account]
        counts.lower(key.account, account.minus_one(account.blocked_until_us))
        if not attempt.by_reservation:
            _subtract(counts, key.address, attempt.address_before_us, attempt.address_until_us)

    def _reserve(
        self, counts: Counts, key: ThrottleKey, until_us: int, now_us: int, may_reserve: Callable[[], bool]
    ) -> None:
        empty_at_us = self._reservations.add(counts[key.reservations].blocked_until_us, now_us)
        if empty_at_us is not None and may_reserve():
            counts[key.reservations] = FailureCount(0, empty_at_us, now_us)
            counts[key.reservation] = FailureCount(0, until_us, now_us)


def _wait_until_us(counts: Counts, key: ThrottleKey, now_us: int) -> int:
    """When the wait of an attempt without a reservation ends.

    Never at an address that is not known, as long as the account is attacked: there only reservations are admitted.
    """
    pair_us = counts[key.pair].blocked_until_us
    if key.is_trusted or key.known in counts:
        return pair_us
    account_us = now_us + to_microseconds(_account_wait_s(counts, key, now_us))
    return max(pair_us, counts[key.address].blocked_until_us, account_us)


def _account_wait_s(counts: Counts, key: ThrottleKey, now_us: int) -> int:
    return ACCOUNT_POLICY.wait_s(ACCOUNT_POLICY.decayed(now_us, counts[key.account]).failures)


def _reserved_us(counts: Counts, key: ThrottleKey, now_us: int) -> int | None:
    """From when on the reservation is valid; None if there is none, or it is no longer valid."""
    if key.reservation not in counts:
        return None
    reserved_us = counts[key.reservation].blocked_until_us
    return reserved_us if now_us < reserved_us + to_microseconds(RESERVATION_LIFETIME_S) else None


def _count_for_account(counts: Counts, key: ThrottleKey, now_us: int) -> None:
    failed = ACCOUNT_POLICY.with_failure(now_us, counts[key.account])
    counts[key.account] = replace(failed, blocked_until_us=0)


def _subtract(counts: Counts, digest: bytes, before_us: int, until_us: int) -> None:
    """One failure less; the wait that it caused ends unless others have prolonged it."""
    count = counts[digest]
    counts.lower(digest, count.minus_one(before_us if count.blocked_until_us == until_us else count.blocked_until_us))
