"""Signing keys: creation, rotation and encryption, shared by replicas."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import Engine, func, select, update

from auth.audit import AuditLog
from auth.credentials.lifetimes import DAY, ID_TOKEN_LIFETIME, MINUTE
from auth.database import write
from auth.oauth.signing_keys import CLOCK_SKEW, JWKS_MAX_AGE, KEY_CACHE_TTL, ROTATION_INTERVAL, SigningKeys
from auth.tables import signing_keys
from tests.auth.application import SETTINGS
from tests.auth.databases import both_databases
from tests.clock import START, MovableClock

OLD, NEW, LOST = (f"the {name} secret key, long enough".encode() for name in ("old", "new", "lost"))


def replica(engine: Engine, clock: MovableClock, *secrets: bytes) -> SigningKeys:
    settings = replace(SETTINGS, secret_keys=secrets or (OLD,))
    return SigningKeys(engine, clock, settings, AuditLog(engine, clock))


def kids(document: dict[str, Any]) -> list[str]:
    return [key["kid"] for key in document["keys"]]


def published(keys: SigningKeys) -> KeySet:
    return KeySet([RSAKey.import_key(key) for key in keys.public_set()["keys"]])


def count_rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(signing_keys)) or 0


def test_the_first_key_is_created_on_first_use(database: Engine, clock: MovableClock):
    keys = replica(database, clock)
    assert count_rows(database) == 0
    [public] = keys.public_set()["keys"]
    assert count_rows(database) == 1
    assert public.keys() == {"kty", "n", "e", "use", "alg", "kid"}
    assert (public["kty"], public["use"], public["alg"]) == ("RSA", "sig", "RS256")
    assert public["kid"] == RSAKey.import_key(public).thumbprint()
    private = keys.current()
    assert private.is_private
    assert private.kid == public["kid"]
    assert private.raw_value.key_size == 2048


@both_databases
def test_concurrent_replicas_create_one_key(database: Engine, clock: MovableClock):
    replicas, start = [replica(database, clock) for _ in range(4)], threading.Barrier(4, timeout=60)

    def use(keys: SigningKeys) -> str:
        start.wait()
        return str(keys.current().kid)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(use, replicas))) == 1
    assert count_rows(database) == 1
    assert len(AuditLog(database, clock).entries(event="signing_key.rotated")) == 1


def test_the_private_key_is_stored_encrypted(database: Engine, clock: MovableClock):
    private = replica(database, clock).current()
    with database.connect() as connection:
        row = connection.execute(select(signing_keys)).one()
    numbers = private.as_dict(private=True)
    for stored in (row.sealed, repr(row.public)):
        assert "PRIVATE" not in stored
        assert not any(numbers[name] in stored for name in ("d", "p", "q"))


def test_rotation_without_outage(database: Engine, clock: MovableClock):
    """A client caches the key set for as long as it may, and can verify every id_token at any time."""
    here, there = replica(database, clock), replica(database, clock)
    old = here.current().kid
    cached, cached_at = published(here), clock.now
    issued: list[tuple[float, str]] = []
    new = ""
    signers = set()
    for second in range(0, 40 * MINUTE, 30):
        clock.now = START + second
        if second == 2 * MINUTE:
            new = here.rotate()
        signing, publishing = (here, there) if second % 60 else (there, here)
        if clock.now >= cached_at + JWKS_MAX_AGE:
            cached, cached_at = published(publishing), clock.now
        key = signing.current()
        signers.add(key.kid)
        issued.append((clock.now, jwt.encode({"alg": "RS256", "kid": key.kid}, {"at": second}, key, ["RS256"])))
        issued = [(at, token) for at, token in issued if at + ID_TOKEN_LIFETIME > clock.now]
        for _, token in issued:
            jwt.decode(token, cached, ["RS256"])
    assert signers == {old, new}
    assert kids(here.public_set()) == kids(there.public_set()) == [new]
    assert count_rows(database) == 2
    here.sweep()
    assert count_rows(database) == 1


def test_the_times_of_a_rotation(database: Engine, clock: MovableClock):
    here, there = replica(database, clock), replica(database, clock)
    old = here.current().kid
    assert there.current().kid == old
    new = here.rotate()
    assert kids(here.public_set()) == [new, old]
    clock.forward(KEY_CACHE_TTL)
    assert kids(there.public_set()) == [new, old]
    clock.now = START + 10 * MINUTE - 1
    assert {here.current().kid, there.current().kid} == {old}
    clock.forward(1)
    assert {here.current().kid, there.current().kid} == {new}
    last_needed = START + 10 * MINUTE + ID_TOKEN_LIFETIME + JWKS_MAX_AGE + CLOCK_SKEW
    clock.now = last_needed - 1
    assert kids(there.public_set()) == [new, old]
    clock.now = last_needed
    assert kids(there.public_set()) == [new]


@both_databases
def test_one_replica_rotates_every_90_days(database: Engine, clock: MovableClock):
    replicas = [replica(database, clock) for _ in range(3)]
    first = replicas[0].current().kid
    clock.forward(ROTATION_INTERVAL - 1)
    for keys in replicas:
        keys.sweep()
    assert count_rows(database) == 1
    clock.forward(1)
    start = threading.Barrier(3, timeout=60)

    def sweep(keys: SigningKeys) -> None:
        start.wait()
        keys.sweep()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(sweep, replicas))
    assert count_rows(database) == 2
    assert {keys.current().kid for keys in replicas} == {first}
    clock.forward(DAY)
    for keys in replicas:
        keys.sweep()
    assert count_rows(database) == 1
    assert first not in {keys.current().kid for keys in replicas}


def test_a_sweep_creates_no_first_key(database: Engine, clock: MovableClock):
    replica(database, clock).sweep()
    assert count_rows(database) == 0


def test_two_rotations_in_a_row(database: Engine, clock: MovableClock):
    keys = replica(database, clock)
    first = keys.rotate()
    assert keys.current().kid == first, "the first key signs immediately"
    second = keys.rotate()
    clock.forward(MINUTE)
    third = keys.rotate()
    assert kids(keys.public_set()) == [third, second, first]
    clock.forward(9 * MINUTE)
    assert keys.current().kid == second
    clock.forward(MINUTE)
    assert keys.current().kid == third


def test_a_changed_secret_key(database: Engine, clock: MovableClock):
    kid = replica(database, clock, OLD).current().kid
    both = replica(database, clock, NEW, OLD)
    assert both.current().kid == kid
    both.sweep()
    assert replica(database, clock, NEW).current().kid == kid, "re-encrypted, so the old secret key can be removed"
    assert count_rows(database) == 1


def test_lost_secret_keys(database: Engine, clock: MovableClock):
    old = replica(database, clock, OLD).current().kid
    lost = replica(database, clock, LOST)
    new = lost.current().kid
    assert new != old
    assert kids(lost.public_set()) == [new, old]
    lost.sweep()
    assert count_rows(database) == 2


def test_a_modified_ciphertext(database: Engine, clock: MovableClock):
    old = replica(database, clock).current().kid
    write(database, lambda connection: connection.execute(update(signing_keys).values(sealed="gAAAAABnonsense")))
    assert replica(database, clock).current().kid != old
