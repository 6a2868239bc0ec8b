"""Who asks: from the Authorization header or the session cookie to a principal."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Final

from starlette.requests import HTTPConnection

from auth.credentials.lifetimes import PRINCIPAL_CACHE_TTL, to_microseconds
from auth.credentials.secret import PREFIX_LENGTH, Prefix, digest_of
from auth.errors import InvalidCredential
from auth.http.cookies import READS, SessionCookie
from auth.principal import Principal
from auth.settings import TimeSource
from auth.thread_pools import ThreadPools

Lookup = Callable[[bytes], Principal | None]
"""From the digest of a secret to who holds it, asking the database."""

MAX_CACHED_PRINCIPALS: Final = 20_000
_SCHEMES: Final[dict[str, frozenset[str]]] = {
    "token": frozenset({Prefix.TOKEN, Prefix.KEY}),
    "bearer": frozenset({Prefix.ACCESS, Prefix.KEY, Prefix.TOKEN}),
}
"""Authorization scheme, lower case → the prefixes of what may come with it."""


class Authenticator:
    """Remembers each principal for a few seconds: an answer from the cache takes no time worth mentioning."""

    def __init__(
        self,
        cookie: SessionCookie,
        lookups: Mapping[Prefix, Lookup],
        workers: ThreadPools,
        clock: TimeSource,
        monotonic: TimeSource = time.monotonic,
    ) -> None:
        self._cookie = cookie
        self._lookups = lookups
        self._workers = workers
        self._clock = clock
        self._monotonic = monotonic
        self._cached: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._lookups_in_flight: dict[bytes, asyncio.Task[Principal | None]] = {}

    async def principal_of(self, connection: HTTPConnection) -> Principal | None:
        """None for who came with nothing.

        Raises InvalidCredential for what is no good, and CrossSiteRequest for a cookie's write that another site may
        have sent. A header counts before a cookie. Who it is stays in the scope as ``auth.principal``, for the log.
        """
        principal = None
        if (authorization := connection.headers.get("authorization")) is not None:
            principal = await self._of_header(authorization)
        elif secret := self._cookie.read(connection):
            principal = await self._of_cookie(secret, connection)
        connection.scope["auth.principal"] = principal
        return principal

    async def session_of(self, connection: HTTPConnection) -> Principal | None:
        """Who is signed in with the cookie. For pages: their forms can show no header, and check the Origin."""
        secret = self._cookie.read(connection)
        if secret is None or not secret.startswith(Prefix.SESSION):
            return None
        return await self._principal(Prefix.SESSION, secret)

    def invalidate(self, secret: str) -> None:
        """Ask the database again who holds it, at once instead of in a few seconds."""
        self._lookups_in_flight.clear()
        self._cached.pop(digest_of(secret), None)

    def invalidate_all(self) -> None:
        """The same for everybody."""
        self._lookups_in_flight.clear()
        self._cached.clear()

    def invalidate_user(self, user_id: int) -> None:
        """The same for all that one user gets in with, and for who acts for them."""
        self._lookups_in_flight.clear()
        theirs = [digest for digest, (_, cached) in self._cached.items() if cached.user and cached.user.id == user_id]
        for digest in theirs:
            del self._cached[digest]

    async def _of_header(self, authorization: str) -> Principal:
        scheme, _, secret = authorization.partition(" ")
        secret = secret.strip()
        challenge = "Token" if scheme.lower() == "token" else None
        prefix = secret[:PREFIX_LENGTH]
        if prefix not in _SCHEMES.get(scheme.lower(), frozenset()):
            raise InvalidCredential("Invalid token.", challenge=challenge)
        principal = await self._principal(Prefix(prefix), secret)
        if principal is None:
            raise InvalidCredential("Invalid token.", challenge=challenge)
        return principal

    async def _of_cookie(self, secret: str, connection: HTTPConnection) -> Principal | None:
        """A session that has ended is as good as none: the web app then shows the way to sign in."""
        if not secret.startswith(Prefix.SESSION):
            return None
        principal = await self._principal(Prefix.SESSION, secret)
        if principal and connection.scope.get("method", "GET") not in READS:
            self._cookie.check_csrf(connection)
        return principal

    async def _principal(self, prefix: Prefix, secret: str) -> Principal | None:
        digest = digest_of(secret)
        principal = self._from_cache(digest)
        if principal is None:
            in_flight = self._lookups_in_flight.get(digest)
            principal = await asyncio.shield(in_flight or self._look_up(prefix, digest))
        return principal if principal and principal.expires_us > to_microseconds(self._clock()) else None

    def _look_up(self, prefix: Prefix, digest: bytes) -> "asyncio.Task[Principal | None]":
        """One for all that come with it now: a busy key is asked for again every few seconds, by many at once."""

        async def ask() -> Principal | None:
            asked_at = self._monotonic()
            principal = await self._workers.run(self._lookups[prefix], digest)
            # One that is no longer under way was told to forget, and its answer may be older than the reason for that.
            if principal and self._lookups_in_flight.get(digest) is lookup:
                self._cache(digest, principal, asked_at)
            return principal

        # A context of its own: servers cancel what began in that of a request when its client leaves.
        lookup = asyncio.create_task(ask(), context=Context())
        self._lookups_in_flight[digest] = lookup
        lookup.add_done_callback(lambda _: self._finish_lookup(digest, lookup))
        return lookup

    def _finish_lookup(self, digest: bytes, lookup: "asyncio.Task[Principal | None]") -> None:
        if self._lookups_in_flight.get(digest) is lookup:
            del self._lookups_in_flight[digest]
        if not lookup.cancelled():
            lookup.exception()  # seen, also where everybody who waited for it has left

    def _from_cache(self, digest: bytes) -> Principal | None:
        asked_at, principal = self._cached.get(digest, (0.0, None))
        return principal if principal and self._monotonic() - asked_at < PRINCIPAL_CACHE_TTL else None

    def _cache(self, digest: bytes, principal: Principal, asked_at: float) -> None:
        """From when it was asked for: a revocation while the answer was on its way counts too."""
        self._cached[digest] = asked_at, principal
        self._cached.move_to_end(digest)
        if len(self._cached) > MAX_CACHED_PRINCIPALS:
            self._cached.popitem(last=False)
