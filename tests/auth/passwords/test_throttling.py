"""Password guesses are throttled, and no account is locked."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from sqlalchemy import Engine, select

from auth.database import write
from auth.errors import Throttled
from auth.passwords.backoff import ADDRESS_POLICY, MAX_WAIT_S, PAIR_POLICY, REGISTRATION_POLICY
from auth.passwords.throttling import LoginThrottle
from auth.tables import throttles
from tests.auth.databases import both_databases
from tests.auth.passwords.guesses import BOTS, ELSEWHERE, HERE, attack, begin, on, rows, succeed, wait_of
from tests.clock import MovableClock


@pytest.fixture
def throttle(database: Engine, clock: MovableClock) -> LoginThrottle:
    return on(database, clock)


def test_the_wait_grows_up_to_half_a_minute(throttle, clock):
    waits = []
    assert [wait_of(throttle) for _ in range(PAIR_POLICY.free)] == [0] * PAIR_POLICY.free
    for _ in range(14):
        assert wait_of(throttle) == 0
        waits.append(wait_of(throttle))
        clock.forward(waits[-1])
    assert waits[:6] == [1, 2, 4, 8, 16, MAX_WAIT_S]
    assert set(waits[5:]) == {MAX_WAIT_S}


def test_of_two_hundred_guesses_fifteen_are_checked(throttle, clock):
    """One a second, regardless of the wait. Throttled attempts do not count, so they do not prolong it."""
    outcomes = []
    for _ in range(200):
        outcomes.append(wait_of(throttle))
        clock.forward(1)
    admitted = [second for second, wait in enumerate(outcomes) if wait == 0]
    assert len(admitted) == 5 + 5 + 5
    assert max(later - earlier for earlier, later in pairwise(admitted)) == MAX_WAIT_S
    announced = outcomes[admitted[-2] + 1 : admitted[-1]]
    assert announced == list(range(MAX_WAIT_S - 1, 0, -1)), "the announced wait holds"


def test_a_sign_in_after_the_wait_resets_the_count(database, throttle, clock):
    while not (wait := wait_of(throttle)):
        pass
    for _ in range(50):
        assert wait_of(throttle) == wait
    clock.forward(wait)
    succeed(database, throttle, begin(throttle, "alice", HERE))
    assert [wait_of(throttle) for _ in range(PAIR_POLICY.free)] == [0] * PAIR_POLICY.free


def test_guesses_from_one_address_do_not_delay_another(throttle):
    for _ in range(200):
        wait_of(throttle)
    assert wait_of(throttle, address=ELSEWHERE) == 0


def test_the_owner_signs_in_after_the_wait_while_others_guess(database, throttle, clock):
    """From an address that has not signed in before, while the guesses go on."""
    attack(throttle, clock)
    for second in range(MAX_WAIT_S):
        assert wait_of(throttle, address=ELSEWHERE, password="right") == MAX_WAIT_S - second
        for bot in [*BOTS[:5], f"192.0.3.{second}"]:
            wait_of(throttle, address=bot)
        clock.forward(1)
    succeed(database, throttle, begin(throttle, "alice", ELSEWHERE, "right"))


def test_an_owner_at_a_known_address_does_not_wait_for_others(database, throttle, clock):
    succeed(database, throttle, begin(throttle, "alice", ELSEWHERE))
    attack(throttle, clock)
    assert wait_of(throttle, address=HERE) > 0
    assert wait_of(throttle, address=ELSEWHERE) == 0


def test_while_many_addresses_guess_each_guess_needs_a_reservation(throttle, clock):
    attack(throttle, clock)
    addresses = [f"198.51.100.{number}" for number in range(5)]
    outcomes = []
    for _ in range(4 * MAX_WAIT_S):
        outcomes += [wait_of(throttle, address=address) for address in addresses]
        clock.forward(1)
    assert outcomes.count(0) <= 3, "as many as are forgotten"


def test_one_password_on_many_accounts_gets_thirty_and_then_two_a_minute(throttle, clock):
    outcomes = []
    for number in range(200):
        outcomes.append(wait_of(throttle, f"user{number}"))
        clock.forward(0.5)
    assert outcomes[:30] == [0] * 30
    assert outcomes.count(0) <= 30 + 6 + 3


def test_neighbours_of_an_attacker_still_sign_in(database, throttle):
    succeed(database, throttle, begin(throttle, "neighbour", HERE))
    for number in range(ADDRESS_POLICY.max_failures):
        wait_of(throttle, f"user{number}")
    assert wait_of(throttle, "stranger") > 0
    assert wait_of(throttle, "neighbour") == 0


def test_signing_in_to_an_own_account_does_not_reset_the_address(database, throttle, clock):
    """Signing in between guesses neither ends the wait of the address nor lowers its count."""
    succeed(database, throttle, begin(throttle, "mallory", HERE))
    number = 0
    while not (wait := wait_of(throttle, f"user{number}")):
        number += 1
    for _ in range(20):
        succeed(database, throttle, begin(throttle, "mallory", HERE))
        assert wait_of(throttle, "stranger") == wait
    for _ in range(10):
        clock.forward(wait)
        assert wait_of(throttle, f"user{number}") == 0
        number += 1
        wait = wait_of(throttle, "stranger")
        succeed(database, throttle, begin(throttle, "mallory", HERE))
    assert wait == MAX_WAIT_S


def test_failures_expire_one_by_one(throttle, clock):
    for _ in range(PAIR_POLICY.free + 1):
        begin(throttle, "alice", HERE)
    clock.forward(2 * PAIR_POLICY.forget_s)
    assert [wait_of(throttle) for _ in range(3)] == [0, 0, 1]


def test_occasional_sign_ins_do_not_keep_failures_alive(database, throttle, clock):
    for number in range(ADDRESS_POLICY.free):
        begin(throttle, f"user{number}", HERE)
    for _ in range(ADDRESS_POLICY.forget_s * 10 // 7 + 1):
        clock.forward(7)
        succeed(database, throttle, begin(throttle, "bob", HERE))
    assert [wait_of(throttle, f"other{number}") for number in range(10)] == [0] * 10


@both_databases
def test_concurrent_guesses_get_no_extra_attempts(throttle):
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: wait_of(throttle), range(40)))
    assert outcomes.count(0) == PAIR_POLICY.free + 1


@both_databases
def test_concurrent_sign_ins_all_succeed(database, throttle):
    attempts = [begin(throttle, "alice", HERE) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda attempt: succeed(database, throttle, attempt), attempts))
    assert wait_of(throttle) == 0


@both_databases
def test_replicas_count_together(database, clock, throttle):
    other = on(database, clock)
    for _ in range(PAIR_POLICY.free + 1):
        begin(throttle, "alice", HERE)
    assert wait_of(other) == 1


def test_addresses_of_one_ipv6_network_count_together(throttle):
    is_same = {
        ("2001:db8::1", "2001:db8::ffff:2"): True,
        ("2001:db8::1", "2001:db8:0:1::1"): False,
        ("::ffff:203.0.113.7", "203.0.113.7"): True,
        ("203.0.113.7", "203.0.113.8"): False,
        ("fe80::1%eth0", "fe80::2"): True,
        ("", "unknown"): False,
    }
    waits = {}
    for one, other in is_same:
        for _ in range(PAIR_POLICY.free + 1):
            begin(throttle, f"{one} {other}", one)
        waits[one, other] = wait_of(throttle, f"{one} {other}", other) > 0
    assert waits == is_same


@both_databases
def test_sweeping_deletes_old_counts_and_keeps_known_addresses_for_a_month(database, throttle, clock):
    wait_of(throttle, "mallory", ELSEWHERE)
    succeed(database, throttle, begin(throttle, "alice", HERE))
    clock.forward(2 * 3600)
    write(database, throttle.sweep)
    assert rows(database) == 1
    clock.forward(30 * 86400)
    write(database, throttle.sweep)
    assert rows(database) == 0


def test_a_replica_with_a_slow_clock_counts_as_well(database, throttle):
    for _ in range(PAIR_POLICY.free):
        begin(throttle, "alice", HERE)
    behind = on(database, MovableClock(throttle._clock() - 1000))
    assert [wait_of(behind), wait_of(behind)] == [0, 1]


def test_registrations_from_one_address_are_limited(throttle, clock):
    for _ in range(REGISTRATION_POLICY.free + 1):
        throttle.register(HERE)
    waits = []
    for _ in range(8):
        with pytest.raises(Throttled, match="Too many registrations from this address") as caught:
            throttle.register(HERE)
        waits.append(caught.value.retry_after)
        clock.forward(waits[-1])
        throttle.register(HERE)
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    throttle.register(ELSEWHERE)
    assert wait_of(throttle) == 0


def test_only_digests_are_stored(database, throttle):
    wait_of(throttle)
    with database.connect() as connection:
        assert all(len(digest) == 32 for digest in connection.scalars(select(throttles.c.digest)))
