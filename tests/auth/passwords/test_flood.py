"""However many wrong passwords others send, the owner signs in within the wait that docs/auth.md states.

The numbers in capitals are those of docs/auth.md.
"""

import pytest
from sqlalchemy import Engine

from auth.passwords.failure_counts import DatabaseCounts
from auth.passwords.throttle_keys import Origin
from auth.passwords.throttling import LoginThrottle
from tests.auth.passwords.flood import ELSEWHERE, HERE, OWNER, Flood, Owner, PatientFlood, simulate
from tests.auth.passwords.memory_counts import MemoryCounts
from tests.clock import MovableClock

MAX_WAIT = 30
MAX_RATE = 25
"""Guesses at one account per second, whatever is sent, and 100 more at once."""
HOUR = 3600
RATE = 20
DEVICES = {
    "known device": Origin(HERE, browser_id=1),
    "new device at the attacker's address": Origin(HERE),
    "new device elsewhere": Origin(ELSEWHERE),
}


FEW_GUESSES = 31 + 6 + 2 * 60
"""At one account in an hour, if nothing is sent twice."""


@pytest.fixture
def throttle(clock: MovableClock) -> LoginThrottle:
    return LoginThrottle(MemoryCounts(), clock, key=b"secret")


@pytest.mark.parametrize("is_random", [False, True], ids=["the owner's name", "random names"])
@pytest.mark.parametrize("addresses", ["one", "many"])
def test_the_owner_signs_in_during_an_hour_of_wrong_passwords(throttle, clock, addresses, is_random):
    owners = {device: Owner(origin, password=device) for device, origin in DEVICES.items()}
    checked = simulate(throttle, clock, Flood(addresses, is_random), *owners.values(), seconds=HOUR, rate=RATE)
    for device, owner in owners.items():
        assert len(owner.waits) >= 11, device
        assert max(owner.waits) <= (0 if "known" in device.split() else MAX_WAIT)
        assert owner.attempts <= 2 * len(owner.waits), "the first announced wait is enough"
    assert checked[OWNER] <= FEW_GUESSES
    if addresses == "one":
        assert checked.total() <= 31 + 6 + 2 * 60


@pytest.mark.parametrize("addresses", ["one", "many", "new"])
def test_an_attacker_who_sends_each_guess_twice_does_not_keep_the_owner_out(throttle, clock, addresses):
    owner, minutes = Owner(DEVICES["new device at the attacker's address"]), 10
    checked = simulate(throttle, clock, PatientFlood(addresses), owner, seconds=60 * minutes, rate=RATE)
    assert len(owner.waits) >= minutes // 5
    assert max(owner.waits) <= MAX_WAIT
    assert checked[OWNER] <= RATE / 2 * 60 * minutes + 60


def test_the_guesses_at_an_account_are_limited_whatever_is_sent(throttle, clock):
    """200 a second, each sent twice, from a thousand addresses. The owner's known device is not affected."""
    owner = Owner(DEVICES["known device"])
    checked = simulate(throttle, clock, PatientFlood("many"), owner, seconds=120, rate=200)
    assert MAX_RATE * 60 < checked[OWNER] <= MAX_RATE * 120 + 100
    assert max(owner.waits) == 0


def test_the_same_password_again_and_again_gains_nothing(throttle, clock):
    owner = Owner(DEVICES["new device at the attacker's address"])
    checked = simulate(throttle, clock, Flood("one", password="wrong"), owner, seconds=600, rate=RATE)
    assert max(owner.waits) <= MAX_WAIT
    assert checked[OWNER] <= FEW_GUESSES


@pytest.mark.parametrize("addresses", ["one", "many"])
def test_the_database_admits_the_same_attempts(database: Engine, addresses):
    """As the simulation in memory; on SQLite, for half a minute."""
    outcomes = []
    for counts in (DatabaseCounts(database), MemoryCounts()):
        clock, owner = MovableClock(), Owner(Origin(HERE))
        throttle = LoginThrottle(counts, clock, key=b"secret")
        checked = simulate(throttle, clock, PatientFlood(addresses), owner, seconds=45, rate=RATE)
        outcomes.append((checked, owner.waits, owner.attempts))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1], "the owner has signed in"
