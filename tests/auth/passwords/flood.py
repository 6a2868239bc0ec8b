"""A simulated flood of wrong passwords, with the owner of an account among the attackers."""

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from auth.errors import Throttled
from auth.passwords.throttle_keys import Origin
from auth.passwords.throttling import LoginThrottle
from tests.clock import MovableClock

OWNER = "alice"
HERE = "203.0.113.7"
ELSEWHERE = "198.51.100.9"
Addresses = Literal["one", "many", "new"]
ADDRESSES = 1000


@dataclass(frozen=True)
class Guess:
    name: str
    address: str
    password: str


class Attack(Protocol):
    def next(self, now: float) -> Guess: ...

    def refused(self, guess: Guess, retry_at: float) -> None: ...


@dataclass
class Flood:
    """A new guess each time, at the owner's name or at random names; ``one``: all from the owner's address."""

    addresses: Addresses
    is_random: bool = False
    password: str | None = None
    """The same one each time."""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def next(self, _now: float) -> Guess:
        number = next(self.numbers)
        name = f"user{number}" if self.is_random else OWNER
        return Guess(name, self._address(number), self.password or f"guess {number}")

    def refused(self, guess: Guess, retry_at: float) -> None:
        """Ignores what the service announces."""

    def _address(self, number: int) -> str:
        match self.addresses:
            case "one":
                return HERE
            case "many":
                return HERE if number % ADDRESSES == 0 else f"2001:db8:1:{number % ADDRESSES:x}::1"
            case "new":
                return f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"


@dataclass
class PatientFlood(Flood):
    """Sends each refused guess again when the service announced that it may."""

    waiting: list[tuple[float, int, Guess]] = field(default_factory=list)

    def next(self, now: float) -> Guess:
        return heapq.heappop(self.waiting)[2] if self.waiting and self.waiting[0][0] <= now else super().next(now)

    def refused(self, guess: Guess, retry_at: float) -> None:
        heapq.heappush(self.waiting, (retry_at, next(self.numbers), guess))


@dataclass
class Owner:
    """Signs in every five minutes, and again whenever the service announces; each time counts as a failure.

    So it is as if each sign-in came from a device and an address that are new.
    """

    origin: Origin
    password: str = "the owner's password"
    waits: list[float] = field(default_factory=list)
    attempts: int = 0
    starts_at: float = 0
    next_at: float = 0

    def act(self, throttle: LoginThrottle, now: float) -> None:
        if now < self.next_at:
            return
        self.attempts += 1
        try:
            throttle.begin(OWNER, self.origin, self.password)
        except Throttled as error:
            self.next_at = now + (error.retry_after or 0)
        else:
            self.waits.append(now - self.starts_at)
            self.starts_at = self.next_at = now + 300


def simulate(
    throttle: LoginThrottle, clock: MovableClock, attack: Attack, *owners: Owner, seconds: int, rate: int = 20
) -> Counter[str]:
    """The number of checked guesses by name. The owners begin after ten seconds."""
    checked: Counter[str] = Counter()
    start = clock.now
    for owner in owners:
        owner.starts_at = owner.next_at = start + 10
    for number in range(seconds * rate):
        clock.now = start + number / rate
        guess = attack.next(clock.now)
        try:
            throttle.begin(guess.name, Origin(guess.address), guess.password)
            checked[guess.name] += 1
        except Throttled as error:
            attack.refused(guess, clock.now + (error.retry_after or 0))
        for owner in owners:
            owner.act(throttle, clock.now)
    return checked
