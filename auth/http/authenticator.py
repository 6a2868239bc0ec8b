"""Resolves the Authorization header or the session cookie of a request to a principal."""

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
from auth.http.cookies import SAFE_METHODS, SessionCookie
from auth.principal import Principal
from auth.settings import TimeSource
from auth.thread_pools import ThreadPools

Lookup = Callable[[bytes], Principal | None]
"""Queries the database for the principal of a secret, given its digest."""

MAX_CACHED_PRINCIPALS: Final = 20_000
_SCHEMES: Final[dict[str, frozenset[str]]] = {
    "token": frozenset({Prefix.TOKEN, Prefix.KEY}),
    "bearer": frozenset({Prefix.ACCESS, Prefix.KEY, Prefix.TOKEN}),
}
"""Authorization scheme, lower case → prefixes of the secrets that it accepts."""


class Authenticator:
    """Caches principals for :data:`PRINCIPAL_CACHE_TTL` seconds; concurrent look-ups of a secret share one query."""

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
        """None for an anonymous request. The header takes precedence over the cookie.

        Also stored as ``auth.principal`` in the scope, for the request log. Raises InvalidCredential, or
        CrossSiteRequest for a write with the cookie that another site may have sent.
        """
        principal = None
        if (authorization := connection.headers.get("authorization")) is not None:
            principal = await self._of_header(authorization)
        elif secret := self._cookie.read(connection):
            principal = await self._of_cookie(secret, connection)
        connection.scope["auth.principal"] = principal
        return principal

    async def session_of(self, connection: HTTPConnection) -> Principal | None:
        """The principal of the session cookie, for HTML pages, whose forms call :meth:`SessionCookie.check_origin`."""
        secret = self._cookie.read(connection)
        if secret is None or not secret.startswith(Prefix.SESSION):
            return None
        return await self._principal(Prefix.SESSION, secret)

    def invalidate(self, secret: str) -> None:
        """Remove one secret from the cache, so its revocation takes effect at once."""
        self._lookups_in_flight.clear()
        self._cached.pop(digest_of(secret), None)

    def invalidate_all(self) -> None:
        """Clear the cache."""
        self._lookups_in_flight.clear()
        self._cached.clear()

    def invalidate_user(self, user_id: int) -> None:
        """Remove all credentials of a user, including those of applications that act for them."""
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
        """None for an expired session, so that the web app offers to sign in."""
        if not secret.startswith(Prefix.SESSION):
            return None
        principal = await self._principal(Prefix.SESSION, secret)
        if principal and connection.scope.get("method", "GET") not in SAFE_METHODS:
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
        """Start a look-up that all concurrent requests with the same secret share."""

        async def query() -> Principal | None:
            started_at = self._monotonic()
            principal = await self._workers.run(self._lookups[prefix], digest)
            # A look-up that was removed by an invalidation may have read outdated rows.
            if principal and self._lookups_in_flight.get(digest) is lookup:
                self._cache(digest, principal, started_at)
            return principal

        # Its own context: servers cancel tasks in the context of a request when the client disconnects.
        lookup = asyncio.create_task(query(), context=Context())
        self._lookups_in_flight[digest] = lookup
        lookup.add_done_callback(lambda _: self._finish_lookup(digest, lookup))
        return lookup

    def _finish_lookup(self, digest: bytes, lookup: "asyncio.Task[Principal | None]") -> None:
        if self._lookups_in_flight.get(digest) is lookup:
            del self._lookups_in_flight[digest]
        if not lookup.cancelled():
            lookup.exception()  # retrieved even if every waiting request was cancelled

    def _from_cache(self, digest: bytes) -> Principal | None:
        started_at, principal = self._cached.get(digest, (0.0, None))
        return principal if principal and self._monotonic() - started_at < PRINCIPAL_CACHE_TTL else None

    def _cache(self, digest: bytes, principal: Principal, started_at: float) -> None:
        """The entry's age counts from the start of the look-up, so a revocation during it takes effect in time."""
        self._cached[digest] = started_at, principal
        self._cached.move_to_end(digest)
        if len(self._cached) > MAX_CACHED_PRINCIPALS:
            self._cached.popitem(last=False)
