"""Guesses at passwords, and their effect on the throttle."""

import itertools

from sqlalchemy import Engine, func, select

from auth.database import write
from auth.errors import Throttled
from auth.passwords.admission import Attempt
from auth.passwords.backoff import ACCOUNT_POLICY
from auth.passwords.failure_counts import DatabaseCounts
from auth.passwords.throttle_keys import Origin
from auth.passwords.throttling import LoginThrottle
from auth.tables import throttles
from tests.clock import MovableClock

HERE = "203.0.113.7"
ELSEWHERE = "198.51.100.9"


GUESSES = map(str, itertools.count())


def on(database: Engine, clock: MovableClock) -> LoginThrottle:
    return LoginThrottle(DatabaseCounts(database), clock, key=b"secret")


def begin(throttle: LoginThrottle, account: str = "alice", address: str = HERE, password: str = "") -> Attempt:
    """By default with a password that was never tried before."""
    return throttle.begin(account, Origin(address), password or next(GUESSES))


def wait_of(throttle: LoginThrottle, account: str = "alice", address: str = HERE, password: str = "") -> float:
    """Seconds until the next attempt; 0, and one more failure, if it is allowed now."""
    try:
        begin(throttle, account, address, password)
    except Throttled as error:
        return error.retry_after or -1.0
    return 0.0


def succeed(database: Engine, throttle: LoginThrottle, attempt: Attempt) -> None:
    write(database, lambda connection: throttle.succeed(connection, attempt))


def rows(database: Engine) -> int:
    with database.connect() as connection:
        return connection.scalar(select(func.count()).select_from(throttles)) or 0


BOTS = [f"192.0.2.{number}" for number in range(ACCOUNT_POLICY.free + 1)]


def attack(throttle: LoginThrottle, clock: MovableClock) -> None:
    """Guess at Alice's account from many addresses until every address has to wait the longest time."""
    assert [wait_of(throttle, address=bot) for bot in BOTS] == [0] * len(BOTS)
    for bot in BOTS[: ACCOUNT_POLICY.max_failures - len(BOTS)]:
        clock.forward(wait_of(throttle, address=bot, password="again"))
        assert wait_of(throttle, address=bot, password="again") == 0
