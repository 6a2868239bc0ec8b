"""Guessing is slowed down; nobody is locked out."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from sqlalchemy import Engine, func, select

from auth.database import write
from auth.errors import Throttled
from auth.passwords.backoff import ACCOUNT_POLICY, ADDRESS_POLICY, LONGEST_WAIT, PAIR_POLICY, REGISTRATION_POLICY
from auth.passwords.throttling import Attempt, LoginThrottle
from auth.tables import throttles
from tests.clock import MovableClock

HERE = "203.0.113.7"
ELSEWHERE = "198.51.100.9"


@pytest.fixture
def throttle(sqlite_engine: Engine, clock: MovableClock) -> LoginThrottle:
    return LoginThrottle(sqlite_engine, clock)


@pytest.fixture
def throttle_anywhere(engine: Engine, clock: MovableClock) -> LoginThrottle:
    """On SQLite and on MariaDB."""
    return LoginThrottle(engine, clock)


def wait_of(throttle: LoginThrottle, account: str = "alice", address: str = HERE) -> float:
    """Seconds told to who tries now; 0, and one more failure, for who may."""
    try:
        throttle.begin(account, address)
    except Throttled as error:
        return error.retry_after or -1.0
    return 0.0


def succeed(engine: Engine, throttle: LoginThrottle, attempt: Attempt) -> None:
    write(engine, lambda connection: throttle.succeed(connection, attempt))


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(throttles)) or 0


BOTS = [f"192.0.2.{number}" for number in range(ACCOUNT_POLICY.free + 1)]


def besiege(throttle: LoginThrottle, clock: MovableClock) -> None:
    """Many addresses guess at Alice's account until it makes whoever comes wait the longest."""
    assert [wait_of(throttle, address=bot) for bot in BOTS] == [0] * len(BOTS)
    for bot in BOTS[: ACCOUNT_POLICY.most - len(BOTS)]:
        clock.forward(1)
        assert wait_of(throttle, address=bot) == 0


def test_the_wait_grows_up_to_half_a_minute(throttle, clock):
    waits = []
    assert [wait_of(throttle) for _ in range(PAIR_POLICY.free)] == [0] * PAIR_POLICY.free
    for _ in range(14):
        assert wait_of(throttle) == 0
        waits.append(wait_of(throttle))
        clock.forward(waits[-1])
    assert waits[:6] == [1, 2, 4, 8, 16, LONGEST_WAIT]
    assert set(waits[5:]) == {LONGEST_WAIT}


def test_of_two_hundred_guesses_ten_are_looked_at_and_then_two_a_minute(throttle, clock):
    """One a second, whatever is told: what is refused does not count, so it does not make the wait longer."""
    outcomes = []
    for _ in range(200):
        outcomes.append(wait_of(throttle))
        clock.forward(1)
    admitted = [second for second, wait in enumerate(outcomes) if wait == 0]
    assert len(admitted) == 5 + 5 + 5
    assert max(later - earlier for earlier, later in pairwise(admitted)) == LONGEST_WAIT
    told = outcomes[admitted[-2] + 1 : admitted[-1]]
    assert told == list(range(LONGEST_WAIT - 1, 0, -1)), "what is told stays true"


def test_who_waits_as_told_gets_in_and_starts_anew(engine, throttle_anywhere, clock):
    while not (wait := wait_of(throttle_anywhere)):
        pass
    for _ in range(50):
        assert wait_of(throttle_anywhere) == wait
    clock.forward(wait)
    succeed(engine, throttle_anywhere, throttle_anywhere.begin("alice", HERE))
    assert [wait_of(throttle_anywhere) for _ in range(PAIR_POLICY.free)] == [0] * PAIR_POLICY.free


def test_one_who_guesses_holds_up_nobody_elsewhere(throttle):
    for _ in range(200):
        wait_of(throttle)
    assert wait_of(throttle, address=ELSEWHERE) == 0


def test_an_owner_gets_in_as_told_while_many_guess(sqlite_engine, throttle, clock):
    """The owner comes from an address that nobody knows, and others never stop."""
    besiege(throttle, clock)
    for second in range(LONGEST_WAIT):
        assert wait_of(throttle, address=ELSEWHERE) == LONGEST_WAIT - second
        for bot in [*BOTS[:5], f"192.0.3.{second}"]:
            wait_of(throttle, address=bot)
        clock.forward(1)
    succeed(sqlite_engine, throttle, throttle.begin("alice", ELSEWHERE))


def test_an_owner_at_a_known_address_need_not_wait_for_others(engine, throttle_anywhere, clock):
    succeed(engine, throttle_anywhere, throttle_anywhere.begin("alice", ELSEWHERE))
    besiege(throttle_anywhere, clock)
    assert wait_of(throttle_anywhere, address=HERE) > 0
    assert wait_of(throttle_anywhere, address=ELSEWHERE) == 0


def test_many_addresses_get_two_guesses_a_minute_each(throttle, clock):
    besiege(throttle, clock)
    addresses = [f"198.51.100.{number}" for number in range(5)]
    guesses = 0
    for _ in range(4 * LONGEST_WAIT):
        guesses += sum(wait_of(throttle, address=address) == 0 for address in addresses)
        clock.forward(1)
    assert guesses == len(addresses) * 3


def test_one_password_on_many_accounts_gets_thirty_and_then_two_a_minute(throttle, clock):
    outcomes = []
    for number in range(200):
        outcomes.append(wait_of(throttle, f"user{number}"))
        clock.forward(0.5)
    assert outcomes[:30] == [0] * 30
    assert outcomes.count(0) <= 30 + 6 + 3


def test_neighbours_of_one_who_tries_many_accounts_still_get_in(sqlite_engine, throttle):
    succeed(sqlite_engine, throttle, throttle.begin("neighbour", HERE))
    for number in range(ADDRESS_POLICY.most):
        wait_of(throttle, f"user{number}")
    assert wait_of(throttle, "stranger") > 0
    assert wait_of(throttle, "neighbour") == 0


def test_an_account_of_ones_own_frees_nobody(sqlite_engine, throttle, clock):
    """Signing in between guesses neither ends the address's wait nor wears its count down."""
    succeed(sqlite_engine, throttle, throttle.begin("mallory", HERE))
    number = 0
    while not (wait := wait_of(throttle, f"user{number}")):
        number += 1
    for _ in range(20):
        succeed(sqlite_engine, throttle, throttle.begin("mallory", HERE))
        assert wait_of(throttle, "stranger") == wait
    for _ in range(10):
        clock.forward(wait)
        assert wait_of(throttle, f"user{number}") == 0
        number += 1
        wait = wait_of(throttle, "stranger")
        succeed(sqlite_engine, throttle, throttle.begin("mallory", HERE))
    assert wait == LONGEST_WAIT


def test_failures_are_forgotten_one_by_one(throttle, clock):
    for _ in range(PAIR_POLICY.free + 1):
        throttle.begin("alice", HERE)
    clock.forward(2 * PAIR_POLICY.forget_s)
    assert [wait_of(throttle) for _ in range(3)] == [0, 0, 1]


def test_signing_in_now_and_then_does_not_keep_failures_in_mind(sqlite_engine, throttle, clock):
    for number in range(ADDRESS_POLICY.free):
        throttle.begin(f"user{number}", HERE)
    for _ in range(ADDRESS_POLICY.forget_s * 10):
        clock.forward(1)
        if not clock() % 7:
            succeed(sqlite_engine, throttle, throttle.begin("bob", HERE))
    assert [wait_of(throttle, f"other{number}") for number in range(10)] == [0] * 10


def test_of_many_guesses_at_once_no_more_count_than_one_after_the_other(throttle_anywhere):
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: wait_of(throttle_anywhere), range(40)))
    assert outcomes.count(0) == PAIR_POLICY.free + 1


def test_two_who_sign_in_at_once_both_do(engine, throttle_anywhere):
    attempts = [throttle_anywhere.begin("alice", HERE) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda attempt: succeed(engine, throttle_anywhere, attempt), attempts))
    assert wait_of(throttle_anywhere) == 0


def test_replicas_count_together(engine, clock, throttle_anywhere):
    other = LoginThrottle(engine, clock)
    for _ in range(PAIR_POLICY.free + 1):
        throttle_anywhere.begin("alice", HERE)
    assert wait_of(other) == 1


@pytest.mark.parametrize(
    ("one", "another", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "unknown", False),
    ],
)
def test_whose_addresses_are_one(throttle, one, another, same):
    for _ in range(PAIR_POLICY.free + 1):
        throttle.begin("alice", one)
    assert (wait_of(throttle, address=another) > 0) == same


def test_what_is_over_is_swept_away_and_known_addresses_stay_a_month(engine, throttle_anywhere, clock):
    wait_of(throttle_anywhere, "mallory", ELSEWHERE)
    succeed(engine, throttle_anywhere, throttle_anywhere.begin("alice", HERE))
    clock.forward(2 * 3600)
    write(engine, throttle_anywhere.sweep)
    assert rows(engine) == 1
    clock.forward(30 * 86400)
    write(engine, throttle_anywhere.sweep)
    assert rows(engine) == 0


def test_a_replica_whose_clock_is_behind_counts_as_well(sqlite_engine, throttle):
    for _ in range(PAIR_POLICY.free):
        throttle.begin("alice", HERE)
    behind = LoginThrottle(sqlite_engine, MovableClock(throttle._clock() - 1000))
    assert [wait_of(behind), wait_of(behind)] == [0, 1]


def test_a_hundred_accounts_from_one_address_and_then_two_a_minute(throttle_anywhere, clock):
    throttle = throttle_anywhere
    for _ in range(REGISTRATION_POLICY.free + 1):
        throttle.register(HERE)
    waits = []
    for _ in range(8):
        with pytest.raises(Throttled, match="Too many accounts made from here") as caught:
            throttle.register(HERE)
        waits.append(caught.value.retry_after)
        clock.forward(waits[-1])
        throttle.register(HERE)
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    throttle.register(ELSEWHERE)
    assert wait_of(throttle) == 0


def test_nothing_kept_names_anybody(sqlite_engine, throttle):
    wait_of(throttle)
    with sqlite_engine.connect() as connection:
        assert all(len(digest) == 32 for digest in connection.scalars(select(throttles.c.digest)))
