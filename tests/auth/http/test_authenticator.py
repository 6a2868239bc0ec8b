"""From what comes with a request to who asks; remembered for a moment, never longer."""

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


class Book:
    """Who holds what; counts how often it is asked."""

    def __init__(self) -> None:
        self.principals = {digest_of(secret): self.entry(1) for secret in (SESSION, TOKEN, KEY, ACCESS)}
        self.asked = 0

    def entry(self, id_: int, lasts_s: float = 3600) -> Principal:
        return Principal("token", None, "", frozenset(), id_, to_microseconds(START + lasts_s))

    def look_up(self, digest: bytes) -> Principal | None:
        self.asked += 1
        return self.principals.get(digest)


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def authenticator(book: Book, clock: MovableClock) -> Authenticator:
    return Authenticator(COOKIE, dict.fromkeys(Prefix, book.look_up), ThreadPools(), clock, clock)


@pytest.mark.parametrize(
    "authorization",
    [
        f"Token {TOKEN}",
        f"Token {KEY}",
        f"Bearer {TOKEN}",
        f"Bearer {KEY}",
        f"Bearer {ACCESS}",
        f"bEaReR   {KEY} ",
    ],
)
async def test_what_lets_in(authenticator: Authenticator, authorization: str):
    assert await authenticator.principal_of(connection(authorization=authorization))


@pytest.mark.parametrize(
    "authorization",
    [
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
    ],
)
async def test_what_does_not(authenticator: Authenticator, authorization: str):
    with pytest.raises(InvalidCredential) as caught:
        await authenticator.principal_of(connection(authorization=authorization))
    assert caught.value.challenge == ("Token" if authorization.startswith("Token") else 'Bearer error="invalid_token"')


async def test_each_kind_is_looked_up_in_its_own_table(book: Book, clock: MovableClock):
    asked: list[Prefix] = []

    def lookup(prefix: Prefix) -> Callable[[bytes], Principal | None]:
        def look_up(digest: bytes) -> Principal | None:
            asked.append(prefix)
            return book.look_up(digest)

        return look_up

    authenticator = Authenticator(COOKIE, {prefix: lookup(prefix) for prefix in Prefix}, ThreadPools(), clock, clock)
    await authenticator.principal_of(connection(authorization=f"Bearer {ACCESS}"))
    await authenticator.principal_of(connection(authorization=f"Token {TOKEN}"))
    await authenticator.principal_of(connection(cookie=f"__Host-raylens_session={SESSION}"))
    assert asked == [Prefix.ACCESS, Prefix.TOKEN, Prefix.SESSION]


async def test_nobody_comes_with_nothing(authenticator: Authenticator, book: Book):
    assert await authenticator.principal_of(connection()) is None
    assert book.asked == 0


@pytest.mark.parametrize("value", ["", "rls_unknown", TOKEN, KEY, "\xff"])
async def test_a_cookie_that_is_no_good_is_as_good_as_none(authenticator: Authenticator, value: str):
    assert await authenticator.principal_of(connection("POST", cookie=f"__Host-raylens_session={value}")) is None


async def test_a_header_counts_before_a_cookie(authenticator: Authenticator, book: Book):
    book.principals[digest_of(SESSION)] = book.entry(2)
    both = connection("POST", cookie=f"__Host-raylens_session={SESSION}", authorization=f"Token {TOKEN}")
    principal = await authenticator.principal_of(both)
    assert principal
    assert principal.credential_id == 1
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(
            connection(cookie=f"__Host-raylens_session={SESSION}", authorization="Token x")
        )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "ODD"])
async def test_a_write_by_cookie_has_to_come_from_the_web_app(authenticator: Authenticator, method: str):
    own = {
        "cookie": f"__Host-raylens_session={SESSION}",
        "origin": "https://raylens.example.org",
        "x_requested_with": "raylens",
    }
    assert await authenticator.principal_of(connection(method, **own))
    for missing in ("origin", "x_requested_with"):
        with pytest.raises(CrossSiteRequest):
            await authenticator.principal_of(connection(method, **{k: v for k, v in own.items() if k != missing}))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_read_by_cookie_needs_no_more(authenticator: Authenticator, method: str):
    asks = connection(method, cookie=f"__Host-raylens_session={SESSION}", origin="https://evil.example")
    assert await authenticator.principal_of(asks)


async def test_an_answer_is_good_for_five_seconds(authenticator: Authenticator, book: Book, clock: MovableClock):
    asks = connection(authorization=f"Token {TOKEN}")
    for _ in range(3):
        await authenticator.principal_of(asks)
    assert book.asked == 1
    book.principals.clear()
    clock.forward(4.999)
    assert await authenticator.principal_of(asks)
    clock.forward(0.001)
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(asks)


async def test_nobody_is_remembered_past_their_end(authenticator: Authenticator, book: Book, clock: MovableClock):
    book.principals[digest_of(TOKEN)] = book.entry(1, lasts_s=2)
    asks = connection(authorization=f"Token {TOKEN}")
    assert await authenticator.principal_of(asks)
    clock.forward(2)
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(asks)


async def test_strangers_are_not_remembered(authenticator: Authenticator, book: Book):
    """Or a token would not work in the first seconds after somebody tried it too early."""
    known = book.principals.pop(digest_of(TOKEN))
    asks = connection(authorization=f"Token {TOKEN}")
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(asks)
    book.principals[digest_of(TOKEN)] = known
    assert await authenticator.principal_of(asks)


@pytest.mark.parametrize(
    "forget", [lambda authenticator: authenticator.invalidate(TOKEN), Authenticator.invalidate_all]
)
async def test_what_is_forgotten_is_asked_again_at_once(
    authenticator: Authenticator, book: Book, forget: Callable[[Authenticator], None]
):
    asks = connection(authorization=f"Token {TOKEN}")
    await authenticator.principal_of(asks)
    book.principals.clear()
    forget(authenticator)
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(asks)


async def test_forgetting_one_leaves_the_others(authenticator: Authenticator, book: Book):
    asks = connection(authorization=f"Token {TOKEN}")
    await authenticator.principal_of(asks)
    authenticator.invalidate(KEY)
    await authenticator.principal_of(asks)
    assert book.asked == 1


async def test_forgetting_a_user_leaves_the_others(authenticator: Authenticator, book: Book):
    alice, bob = (User(id_, name, "", "user", 0, True) for id_, name in enumerate(("alice", "bob")))
    for secret, user in ((TOKEN, alice), (ACCESS, alice), (KEY, bob)):
        book.principals[digest_of(secret)] = replace(book.entry(1), user=user)
        await authenticator.principal_of(connection(authorization=f"Bearer {secret}"))
    book.principals.clear()
    authenticator.invalidate_user(alice.id)
    assert await authenticator.principal_of(connection(authorization=f"Bearer {KEY}"))
    for secret in (TOKEN, ACCESS):
        with pytest.raises(InvalidCredential):
            await authenticator.principal_of(connection(authorization=f"Bearer {secret}"))


@pytest.mark.parametrize("forgets", [True, False])
async def test_revoked_while_it_was_being_looked_up(book: Book, clock: MovableClock, forgets: bool):
    """The answer on its way is older than the revocation: remembered from when it was asked for, or not at all."""
    asked, revoked = threading.Event(), threading.Event()

    def slow(digest: bytes) -> Principal | None:
        found = book.look_up(digest)
        asked.set()
        revoked.wait(10)
        return found

    authenticator = Authenticator(COOKIE, dict.fromkeys(Prefix, slow), ThreadPools(), clock, clock)
    asks = connection(authorization=f"Token {TOKEN}")
    first = asyncio.create_task(authenticator.principal_of(asks))
    await asyncio.to_thread(asked.wait, 10)
    book.principals.clear()
    clock.forward(0 if forgets else 5)
    if forgets:
        authenticator.invalidate(TOKEN)
    revoked.set()
    assert await first
    with pytest.raises(InvalidCredential):
        await authenticator.principal_of(asks)


async def test_who_come_at_once_with_the_same_share_a_look_up(book: Book, clock: MovableClock):
    asked, answered = threading.Event(), threading.Event()

    def slow(digest: bytes) -> Principal | None:
        asked.set()
        answered.wait(10)
        return book.look_up(digest)

    authenticator = Authenticator(COOKIE, dict.fromkeys(Prefix, slow), ThreadPools(), clock, clock)
    asks = connection(authorization=f"Token {TOKEN}")
    leaver, *others = (asyncio.create_task(authenticator.principal_of(asks)) for _ in range(50))
    await asyncio.to_thread(asked.wait, 10)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    answered.set()
    assert {principal and principal.credential_id for principal in await asyncio.gather(*others)} == {1}
    assert book.asked == 1


async def test_a_look_up_that_fails_is_tried_by_who_comes_next(book: Book, clock: MovableClock):
    broken = True

    def look_up(digest: bytes) -> Principal | None:
        if broken:
            raise ConnectionError("the database is away")
        return book.look_up(digest)

    authenticator = Authenticator(COOKIE, dict.fromkeys(Prefix, look_up), ThreadPools(), clock, clock)
    asks = connection(authorization=f"Token {TOKEN}")
    outcomes = await asyncio.gather(*(authenticator.principal_of(asks) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 3
    broken = False
    assert await authenticator.principal_of(asks)


async def test_it_remembers_no_more_than_so_many(authenticator: Authenticator, book: Book, clock: MovableClock):
    book.principals = {digest_of(f"rlt_{number}"): book.entry(number) for number in range(MAX_CACHED_PRINCIPALS + 1)}
    for number in range(MAX_CACHED_PRINCIPALS + 1):
        authenticator._cache(digest_of(f"rlt_{number}"), book.entry(number), clock())
    await authenticator.principal_of(connection(authorization=f"Token rlt_{MAX_CACHED_PRINCIPALS}"))
    await authenticator.principal_of(connection(authorization="Token rlt_1"))
    assert book.asked == 0
    await authenticator.principal_of(connection(authorization="Token rlt_0"))
    assert book.asked == 1
