"""What failed sign-ins are counted by, and how long each count makes people wait."""

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import Final

from auth.credentials.lifetimes import MINUTE, to_microseconds

LONGEST_WAIT: Final = 30
"""Seconds."""


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """``free`` failures make nobody wait; one is forgotten every ``forget_s`` seconds."""

    free: int
    forget_s: int

    def wait_s(self, failures: int) -> int:
        """Seconds until the next attempt: 1, 2, 4 and so on."""
        return 0 if failures <= self.free else min(LONGEST_WAIT, 1 << (failures - self.free - 1))

    @property
    def most(self) -> int:
        """Further failures make nobody wait longer; counting them would only delay that they are forgotten.

        One more than the longest wait needs, so that an attempt taken back does not shorten it.
        """
        return self.free + LONGEST_WAIT.bit_length() + 2

    def at(self, now_us: int, count: "Count") -> "Count":
        """What is left of a count by now. Another replica's clock may be ahead."""
        every_us = to_microseconds(self.forget_s)
        forgotten = min(count.failures, max(0, now_us - count.seen_us) // every_us)
        if forgotten == count.failures:
            return Count(0, count.until_us, now_us)
        return Count(count.failures - forgotten, count.until_us, count.seen_us + forgotten * every_us)

    def failed(self, now_us: int, count: "Count", least_wait_s: int = 0) -> "Count":
        """The count after one more failure."""
        count = self.at(now_us, count)
        failures = min(count.failures + 1, self.most)
        wait_s = max(self.wait_s(failures), least_wait_s)
        until_us = max(count.until_us, now_us + to_microseconds(wait_s)) if wait_s else count.until_us
        return Count(failures, until_us, count.seen_us)


@dataclass(frozen=True, slots=True)
class Count:
    failures: int = 0
    until_us: int = 0
    """No attempt before this."""
    seen_us: int = 0
    """From here the time runs after which a failure is forgotten."""

    def less_one(self, until_us: int) -> "Count":
        return Count(max(0, self.failures - 1), until_us, self.seen_us)


PAIR_POLICY: Final = BackoffPolicy(free=4, forget_s=5 * MINUTE)
ADDRESS_POLICY: Final = BackoffPolicy(free=30, forget_s=MINUTE)
ACCOUNT_POLICY: Final = BackoffPolicy(free=30, forget_s=MINUTE)
REGISTRATION_POLICY: Final = BackoffPolicy(free=100, forget_s=MINUTE)
FORGOTTEN: Final = max(
    watch.most * watch.forget_s for watch in (PAIR_POLICY, ADDRESS_POLICY, ACCOUNT_POLICY, REGISTRATION_POLICY)
)
"""After so many seconds without a failure nothing is left of any count."""


@dataclass(frozen=True, slots=True)
class ThrottleKey:
    """The digests of all that an attempt is counted by. ``known``: that the account once signed in from there."""

    pair: bytes
    address: bytes
    account: bytes
    known: bytes

    @classmethod
    def of(cls, account: str, address: str) -> "ThrottleKey":
        network = _network(address)
        return cls(
            pair=_digest("pair", account, network),
            address=_digest("address", network),
            account=_digest("account", account),
            known=_digest("known", account, network),
        )

    @property
    def all(self) -> tuple[bytes, ...]:
        return self.pair, self.address, self.account, self.known


def registration_of(address: str) -> bytes:
    """The digest that accounts made from an address are counted by."""
    return _digest("registration", _network(address))


def _digest(*parts: str) -> bytes:
    """No two lists of parts have the same: NUL separates them, and none has one."""
    text = "\0".join(part.replace("\0", "") for part in parts)
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _network(address: str) -> str:
    """Who has an address of IPv6 has the 2⁶⁴ that begin like it."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
