"""The only way to a check of a password: throttled first, then queued for hashing."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine

from auth.audit import RequestSource
from auth.credentials.browsers import BrowserStore
from auth.errors import Busy
from auth.hashing_queue import HashingShare
from auth.passwords.admission import Attempt
from auth.passwords.throttle_keys import Origin
from auth.passwords.throttling import LoginThrottle
from auth.thread_pools import ThreadPools
from auth.users.repository import by_name
from auth.users.usernames import key_of

T = TypeVar("T")


class PasswordChecks:
    """Services that check a password take an :class:`Attempt`, which only an admitted request gets."""

    def __init__(self, engine: Engine, throttle: LoginThrottle, browsers: BrowserStore, workers: ThreadPools) -> None:
        self._engine = engine
        self._throttle = throttle
        self._browsers = browsers
        self._workers = workers

    async def sign_in(
        self, username: str, password: str, work: Callable[[Attempt], T], *, source: RequestSource, browser: str | None
    ) -> T:
        """Run ``work`` for an attempt to sign in. ``browser`` is the secret in the cookie.

        Raises Throttled or Busy, and what ``work`` raises.
        """

        def begin() -> Attempt:
            origin = Origin(source.address, browser_id=self._browser_id(username, browser))
            return self._throttle.begin(key_of(username), origin, password)

        return await self._run(await self._workers.run(begin), work)

    async def confirm(
        self, username: str, password: str, work: Callable[[Attempt], T], *, source: RequestSource, credential_id: int
    ) -> T:
        """The same for a signed-in user who confirms something with the password."""
        origin = Origin(source.address, credential_id=credential_id)
        attempt = await self._workers.run(self._throttle.begin, key_of(username), origin, password)
        return await self._run(attempt, work)

    async def _run(self, attempt: Attempt, work: Callable[[Attempt], T]) -> T:
        share = HashingShare(attempt.key.client, attempt.key.account, attempt.is_preferred)
        try:
            return await self._workers.run_hashing(share, work, attempt)
        except Busy:
            await self._workers.run(self._throttle.release, attempt)
            raise

    def _browser_id(self, username: str, browser: str | None) -> int | None:
        """Also for unknown users, which takes about the same time."""
        if not browser:
            return None
        with self._engine.connect() as connection:
            row = by_name(connection, username)
            return self._browsers.find(connection, row.id if row else 0, browser)
