"""Attempts that come too early reserve a check of their password; known devices and sessions need none."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from auth.database import write
from auth.errors import Throttled
from auth.passwords.admission import RESERVATION_LIFETIME_S
from auth.passwords.backoff import MAX_WAIT_S, PAIR_POLICY
from auth.passwords.failure_counts import DatabaseCounts
from auth.passwords.throttle_keys import Origin
from auth.passwords.throttling import LoginThrottle, guesses_per_s
from tests.auth.databases import both_databases
from tests.auth.passwords.guesses import ELSEWHERE, GUESSES, HERE, attack, begin, on, rows, wait_of
from tests.clock import MovableClock


@pytest.fixture
def throttle(database: Engine, clock: MovableClock) -> LoginThrottle:
    return on(database, clock)


def test_an_early_attempt_reserves_a_check_of_its_password(throttle, clock):
    """Whatever others at the same address send in the meantime; another password gains nothing."""
    while not wait_of(throttle):
        pass
    wait = wait_of(throttle, password="right")
    for _ in range(int(wait) * 16):
        clock.forward(1 / 16)
        wait_of(throttle)
    assert wait_of(throttle) > 0, "the attempt that became free is taken"
    assert wait_of(throttle, password="other") > 0
    assert wait_of(throttle, address=ELSEWHERE, password="right") == 0
    assert begin(throttle, password="right").by_reservation
    assert wait_of(throttle, password="right") > 0, "it is valid once"


def test_a_reservation_expires(throttle, clock):
    while not wait_of(throttle):
        pass
    for late, outcome in ((RESERVATION_LIFETIME_S - 1, "checked"), (RESERVATION_LIFETIME_S, "refused")):
        wait = wait_of(throttle, password=f"right{late}")
        clock.forward(wait)
        wait_of(throttle)
        clock.forward(late - 1)
        wait_of(throttle)
        clock.forward(1)
        is_refused = wait_of(throttle, password=f"right{late}") > 0
        assert is_refused == (outcome == "refused"), late


def test_a_rejected_attempt_with_a_reservation_writes_nothing(database, throttle):
    while not wait_of(throttle):
        pass
    waits = [wait_of(throttle, password="same")]
    statements: list[str] = []
    with database.connect() as connection:  # the one that the pool lends again
        sqlite = connection.connection.dbapi_connection
        assert isinstance(sqlite, sqlite3.Connection)
    sqlite.set_trace_callback(statements.append)
    waits += [wait_of(throttle, password="same") for _ in range(10)]
    assert len(set(waits)) == 1
    assert [statement.split()[0] for statement in statements] == ["SELECT"] * 10


@both_databases
def test_of_concurrent_redemptions_of_a_reservation_one_is_checked(throttle, clock):
    while not wait_of(throttle):
        pass
    clock.forward(wait_of(throttle, password="right"))
    wait_of(throttle)
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: wait_of(throttle, password="right"), range(24)))
    assert outcomes.count(0) == 1


@both_databases
def test_concurrent_guesses_with_reservations_keep_the_limit_of_the_account(database, clock):
    """From many addresses, each with a reservation, on two replicas."""
    replicas = [LoginThrottle(DatabaseCounts(database), clock, key=b"secret", max_guesses_per_s=2) for _ in range(2)]
    addresses = [f"198.51.100.{number}" for number in range(30)]
    attack(replicas[0], clock)

    def guess(number: int) -> float:
        return wait_of(replicas[number % 2], address=addresses[number], password=f"guess {number}")

    with ThreadPoolExecutor(8) as threads:
        assert min(threads.map(guess, range(30))) == MAX_WAIT_S
        clock.forward(MAX_WAIT_S)
        assert list(threads.map(guess, range(30))).count(0) == 4
        clock.forward(1)
        assert list(threads.map(guess, range(30))).count(0) == 2


def test_an_attempt_that_was_not_checked_does_not_count(database, throttle, clock):
    for _ in range(20):
        throttle.release(begin(throttle))
    assert rows(database) == 0
    while not wait_of(throttle):
        pass
    clock.forward(wait_of(throttle, password="right"))
    wait_of(throttle)
    for _ in range(3):
        throttle.release(begin(throttle, password="right"))
    assert wait_of(throttle, password="right") == 0


def test_a_known_device_has_a_limit_of_its_own(throttle, clock):
    """Neither guesses from its address nor from elsewhere matter to it, and it does not matter to them."""
    device = Origin(HERE, browser_id=1)
    attack(throttle, clock)
    for _ in range(100):
        wait_of(throttle)
    for _ in range(PAIR_POLICY.free + 1):
        throttle.begin("alice", device, next(GUESSES))
    with pytest.raises(Throttled) as caught:
        throttle.begin("alice", device, next(GUESSES))
    assert caught.value.retry_after == 1
    clock.forward(1)
    throttle.begin("alice", device, next(GUESSES))


def test_a_device_that_has_to_wait_counts_as_an_unknown_one(throttle):
    for _ in range(2 * (PAIR_POLICY.free + 1)):
        throttle.begin("alice", Origin(HERE, browser_id=1), next(GUESSES))
    with pytest.raises(Throttled):
        throttle.begin("alice", Origin(HERE, browser_id=1), next(GUESSES))


def test_a_session_gets_two_guesses_a_minute_at_the_password(throttle, clock):
    """Nothing but its own guesses counts, and there are no reservations."""
    session = Origin(HERE, credential_id=1)
    attack(throttle, clock)
    guesses = 0
    for second in range(600):
        for password in (f"{second}", f"{second - 30}"):
            try:
                throttle.begin("alice", session, password)
                guesses += 1
            except Throttled:
                pass
        clock.forward(1)
    assert guesses <= 5 + 6 + 2 * 10
    throttle.begin("alice", Origin(HERE, credential_id=2), "right")


def test_shorter_passwords_get_fewer_guesses():
    assert [guesses_per_s(length) for length in (128, 15, 14, 8, 1)] == [25, 25, pytest.approx(3.67, 0.01), 1, 1]


def test_reservations_do_not_fill_the_database(database, throttle, clock):
    """However many names and passwords one address tries, and also from many addresses."""
    for number in range(1000):
        wait_of(throttle, f"user{number}")
    assert rows(database) < 200
    for number in range(1000):
        wait_of(throttle, "alice", f"2001:db8:{number:x}::1")
    clock.forward(4 * 3600)
    write(database, throttle.sweep)
    assert rows(database) == 0
