"""Credentials of a request resolve to a principal, which is cached for five seconds."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from auth.credentials.lifetimes import to_microseconds
from auth.credentials.secret import Prefix, digest_of
from auth.errors import CrossSiteRequest, InvalidCredential
from auth.http.authenticator import MAX_CACHED_PRINCIPALS, Authenticator
from auth.http.cookies import SessionCookie
from auth.principal import Principal, User
from auth.settings import AuthSettings
from auth.thread_pools import ThreadPools
from tests.auth.http.connections import connection
from tests.clock import START, MovableClock

SESSION, TOKEN, KEY, ACCESS = (
    prefix + "x" * 43 for prefix in (Prefix.SESSION, Prefix.TOKEN, Prefix.KEY, Prefix.ACCESS)
)
COOKIE = SessionCookie(AuthSettings("https://raylens.example.org", True, (b"secret",)))


class Lookup:
    """Principals by the digest of their secret. ``calls`` counts the look-ups."""

    def __init__(self) -> None:
        self.principals = {digest_of(secret): self.entry(1) for secret in (SESSION, TOKEN, KEY, ACCESS)}
        self.calls = 0

    def entry(self, id_: int, lasts_s: float = 3600) -> Principal:
        return Principal("token", None, "", frozenset(), id_, to_microseconds(START + lasts_s))

    def find(self, digest: bytes) -> Principal | None:
        self.calls += 1
        return self.principals.get(digest)


@pytest.fixture
def lookup() -> Lookup:
    return Lookup()


@pytest.fixture
def authenticator(lookup: Lookup, clock: MovableClock) -> Authenticator:
    return Authenticator(COOKIE, dict.fromkeys(Prefix, lookup.find), ThreadPools(), clock, clock)


async def test_tokens_and_keys_come_in_the_authorization_header(authenticator: Authenticator):
    for authorization in (
        f"Token {TOKEN}",
        f"Token {KEY}",
        f"Bearer {TOKEN}",
        f"Bearer {KEY}",
        f"Bearer {ACCESS}",
        f"bEaReR   {KEY} ",
    ):
        assert await authenticator.principal_of(connection(authorization=authorization)), authorization


INVALID = [
    "",
    "Token",
    "Bearer ",
    f"Basic {KEY}",
    KEY,
    f"Token {ACCESS}",
    f"Token {SESSION}",
    f"Bearer {SESSION}",
    f"Bearer {Prefix.REFRESH}{'x' * 43}",
    f"Bearer {Prefix.CODE}{'x' * 43}",
    f"Bearer {Prefix.CLIENT}{'x' * 43}",
    f"Bearer {KEY[4:]}",
    f"Bearer {KEY}x",
    f"Bearer {KEY[:-1]}",
    f"Bearer {KEY.upper()}",
    f"Bearer {KEY} {KEY}",
    "Bearer rlk_" + "x" * 60_000,
    "Bearer rlk_\xff\x00",
]


async def test_anything_else_in_the_header_is_rejected(authenticator: Authenticator, subtests: pytest.Subtests):
    for authorization in INVALID:
        with subtests.test(authorization[:60]):
            with pytest.raises(InvalidCredential) as caught:
                await authenticator.principal_of(connection(authorization=authorization))
            scheme = "Token" if authorization.startswith("Token") else 'Bearer error="invalid_token"'
            assert caught.value.challenge == scheme


async def test_each_kind_is_looked_up_in_its_own_table(lookup: Lookup, clock: MovableClock):
    prefixes: list[Prefix] = []

    def find_in(prefix: Prefix) -> Callable[[bytes], Principal | None]:
        def find(digest: bytes) -> Principal | None:
            prefixes.append(prefix)
            return lookup.find(digest)

        return find

    authenticator = Authenticator(COOKIE, {prefix: find_in(prefix) for prefix in Prefix}, ThreadPools(), clock, clock)
    await authenticator.principal_of(connection(authorization=f"Bearer {ACCESS}"))
    await authenticator.principal_of(connection(authorization=f"Token {TOKEN}"))
    await authenticator.principal_of(connection(cookie=f"__Host-raylens_session={SESSION}"))
    assert prefixes == [Prefix.ACCESS, Prefix.TOKEN, Prefix.SESSION]


async def test_without_credentials_there_is_no_principal(authenticator: Authenticator, lookup: Lookup):
    assert await authenticator.principal_of(connection()) is None
    assert lookup.calls == 0


async def test_an_invalid_cookie_is_ignored(authenticator: Authenticator):
    for value in ("", "rls_unknown", TOKEN, KEY, "\xff"):
        request = connection("POST", cookie=f"__Host-raylens_session={value}")
        assert await authenticator.principal_of(request) is None, value


async def test_a_header_takes_precedence_over_a_cookie(authenticator: Authenticator, lookup: Lookup):
    lookup.principals[digest_of(SESSION)] = lookup.entry(2)
    both = connection("POST", cookie=f"__Host-raylens_session={SESSION}", authorization=f"Token {TOKEN}")
    principal = await authenticator.principal_of(both)
    assert principal
    assert principal.credential_id == 1
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(
            connection(cookie=f"__Host-raylens_session={SESSION}", authorization="Token x")
        )


async def test_writes_with_a_cookie_have_to_come_from_the_web_app(authenticator: Authenticator):
    cookie = f"__Host-raylens_session={SESSION}"
    own = {"cookie": cookie, "origin": "https://raylens.example.org", "x_requested_with": "raylens"}
    for method in ("POST", "PUT", "PATCH", "DELETE", "ODD"):
        assert await authenticator.principal_of(connection(method, **own)), method
        for missing in ("origin", "x_requested_with"):
            headers = {name: value for name, value in own.items() if name != missing}
            with pytest.raises(CrossSiteRequest):
                await authenticator.principal_of(connection(method, **headers))
    for method in ("GET", "HEAD", "OPTIONS"):
        read = connection(method, cookie=cookie, origin="https://evil.example")
        assert await authenticator.principal_of(read), method


async def test_principals_are_cached_for_five_seconds(
    authenticator: Authenticator, lookup: Lookup, clock: MovableClock
):
    request = connection(authorization=f"Token {TOKEN}")
    for _ in range(3):
        await authenticator.principal_of(request)
    assert lookup.calls == 1
    lookup.principals.clear()
    clock.forward(4.999)
    assert await authenticator.principal_of(request)
    clock.forward(0.001)
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(request)


async def test_nothing_is_cached_past_its_expiry(authenticator: Authenticator, lookup: Lookup, clock: MovableClock):
    lookup.principals[digest_of(TOKEN)] = lookup.entry(1, lasts_s=2)
    request = connection(authorization=f"Token {TOKEN}")
    assert await authenticator.principal_of(request)
    clock.forward(2)
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(request)


async def test_unknown_credentials_are_not_cached(authenticator: Authenticator, lookup: Lookup):
    """Otherwise a token would fail for seconds after it was used too early."""
    known = lookup.principals.pop(digest_of(TOKEN))
    request = connection(authorization=f"Token {TOKEN}")
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(request)
    lookup.principals[digest_of(TOKEN)] = known
    assert await authenticator.principal_of(request)


async def test_an_invalidated_credential_is_looked_up_again_at_once(authenticator: Authenticator, lookup: Lookup):
    request = connection(authorization=f"Token {TOKEN}")
    for invalidate in (lambda: authenticator.invalidate(TOKEN), authenticator.invalidate_all):
        lookup.principals[digest_of(TOKEN)] = lookup.entry(1)
        await authenticator.principal_of(request)
        lookup.principals.clear()
        invalidate()
        with pytest.raises(InvalidCredential):
            await authenticator.principal_of(request)


async def test_invalidating_one_credential_leaves_the_others(authenticator: Authenticator, lookup: Lookup):
    request = connection(authorization=f"Token {TOKEN}")
    await authenticator.principal_of(request)
    authenticator.invalidate(KEY)
    await authenticator.principal_of(request)
    assert lookup.calls == 1


async def test_invalidating_a_user_leaves_the_others(authenticator: Authenticator, lookup: Lookup):
    alice, bob = (User(id_, name, "", "user", 0, True) for id_, name in enumerate(("alice", "bob")))
    for secret, user in ((TOKEN, alice), (ACCESS, alice), (KEY, bob)):
        lookup.principals[digest_of(secret)] = replace(lookup.entry(1), user=user)
        await authenticator.principal_of(connection(authorization=f"Bearer {secret}"))
    lookup.principals.clear()
    authenticator.invalidate_user(alice.id)
    assert await authenticator.principal_of(connection(authorization=f"Bearer {KEY}"))
    for secret in (TOKEN, ACCESS):
        with pytest.raises(InvalidCredential):
            await authenticator.principal_of(connection(authorization=f"Bearer {secret}"))


@pytest.mark.parametrize("invalidates", [True, False])
async def test_a_revocation_during_the_lookup_is_not_missed(lookup: Lookup, clock: MovableClock, invalidates: bool):
    """The result is older than the revocation: it is cached from the start of the lookup, or not at all."""
    started, revoked = threading.Event(), threading.Event()

    def slow(digest: bytes) -> Principal | None:
        found = lookup.find(digest)
        started.set()
        revoked.wait(10)
        return found

    authenticator = Authenticator(COOKIE, dict.fromkeys(Prefix, slow), ThreadPools(), clock, clock)
    request = connection(authorization=f"Token {TOKEN}")
    first = asyncio.create_task(authenticator.principal_of(request))
    await asyncio.to_thread(started.wait, 10)
    lookup.principals.clear()
    clock.forward(0 if invalidates else 5)
    if invalidates:
        authenticator.invalidate(TOKEN)
    revoked.set()
    assert await first
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(request)


async def test_concurrent_requests_with_the_same_credential_share_one_lookup(lookup: Lookup, clock: MovableClock):
    started, finish = threading.Event(), threading.Event()

    def slow(digest: bytes) -> Principal | None:
        started.set()
        finish.wait(10)
        return lookup.find(digest)

    authenticator = Authenticator(COOKIE, dict.fromkeys(Prefix, slow), ThreadPools(), clock, clock)
    request = connection(authorization=f"Token {TOKEN}")
    cancelled, *others = (asyncio.create_task(authenticator.principal_of(request)) for _ in range(50))
    await asyncio.to_thread(started.wait, 10)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    finish.set()
    assert {principal and principal.credential_id for principal in await asyncio.gather(*others)} == {1}
    assert lookup.calls == 1


async def test_a_failed_lookup_is_not_cached(lookup: Lookup, clock: MovableClock):
    fails = True

    def look_up(digest: bytes) -> Principal | None:
        if fails:
            raise ConnectionError("the database is unavailable")
        return lookup.find(digest)

    authenticator = Authenticator(COOKIE, dict.fromkeys(Prefix, look_up), ThreadPools(), clock, clock)
    request = connection(authorization=f"Token {TOKEN}")
    outcomes = await asyncio.gather(*(authenticator.principal_of(request) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 3
    fails = False
    assert await authenticator.principal_of(request)


async def test_the_cache_is_bounded(authenticator: Authenticator, lookup: Lookup, clock: MovableClock):
    lookup.principals = {
        digest_of(f"rlt_{number}"): lookup.entry(number) for number in range(MAX_CACHED_PRINCIPALS + 1)
    }
    for number in range(MAX_CACHED_PRINCIPALS + 1):
        authenticator._cache(digest_of(f"rlt_{number}"), lookup.entry(number), clock())
    await authenticator.principal_of(connection(authorization=f"Token rlt_{MAX_CACHED_PRINCIPALS}"))
    await authenticator.principal_of(connection(authorization="Token rlt_1"))
    assert lookup.calls == 0
    await authenticator.principal_of(connection(authorization="Token rlt_0"))
    assert lookup.calls == 1
