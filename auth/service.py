"""Builds all services of this package, once per process."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import Request
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from auth.audit import AuditLog, RequestSource
from auth.credentials.api_keys import ApiKeyService
from auth.credentials.browsers import BrowserStore
from auth.credentials.secret import Prefix
from auth.credentials.sessions import SessionService
from auth.credentials.store import PREFIXES, CredentialStore
from auth.database import is_unavailable, outage_log, write
from auth.external.identities import Identities
from auth.external.service import ExternalSignIn
from auth.http.authenticator import Authenticator
from auth.http.cookies import BrowserCookie, SessionCookie
from auth.oauth.service import OAuth
from auth.passwords.checks import PasswordChecks
from auth.passwords.failure_counts import DatabaseCounts
from auth.passwords.hashing import Passwords
from auth.passwords.throttling import LoginThrottle, guesses_per_s
from auth.settings import AuthSettings, TimeSource
from auth.thread_pools import ThreadPools
from auth.users.accounts import AccountService


class Auth:
    """All services.

    ``address_of`` returns the client address of a request. The application may store more data about a user: ``erase``
    deletes it, given the user's id, and must be idempotent; ``records_of`` exports it as JSON types. Both may block.
    """

    def __init__(
        self,
        engine: Engine,
        settings: AuthSettings,
        *,
        address_of: Callable[[Request], str],
        erase: Callable[[int], object] = lambda _user_id: None,
        records_of: Callable[[int], Iterator[dict[str, Any]]] = lambda _user_id: iter(()),
        clock: TimeSource = time.time,
        monotonic: TimeSource = time.monotonic,
    ) -> None:
        self._engine = engine
        self.settings = settings
        self.erase = erase
        self.records_of = records_of
        self.workers = ThreadPools()
        self.cookie = SessionCookie(settings)
        self.audit = AuditLog(engine, clock)
        self.credentials = CredentialStore(engine, clock)
        self.browsers = BrowserStore(clock)
        self.browser_cookie = BrowserCookie(settings)
        self.throttle = LoginThrottle(
            DatabaseCounts(engine),
            clock,
            key=settings.key("sign-in reservations"),
            max_guesses_per_s=guesses_per_s(settings.password_min_length),
        )
        self.passwords = PasswordChecks(engine, self.throttle, self.browsers, self.workers)
        self.accounts = AccountService(
            engine,
            clock,
            passwords=Passwords(settings.password_min_length, settings.hashing_cost),
            throttle=self.throttle,
            credentials=self.credentials,
            audit=self.audit,
            settings=settings,
        )
        self.sessions = SessionService(engine, self.accounts, self.credentials, self.browsers, self.audit)
        self.keys = ApiKeyService(engine, self.credentials, self.audit)
        self.oauth = OAuth(engine, clock, credentials=self.credentials, audit=self.audit, settings=settings)
        self.clients = self.oauth.clients
        self.grants = self.oauth.grants
        self.signing_keys = self.oauth.signing_keys
        titles = {provider.name: provider.title for provider in settings.providers}
        self.identities = Identities(engine, clock, self.audit, titles)
        self.external = ExternalSignIn(
            engine,
            settings,
            accounts=self.accounts,
            identities=self.identities,
            audit=self.audit,
            clock=clock,
            monotonic=monotonic,
        )
        lookups = dict.fromkeys(PREFIXES.values(), self.credentials.principal)
        lookups[Prefix.ACCESS] = self.grants.tokens.principal
        self.authenticator = Authenticator(self.cookie, lookups, self.workers, clock, monotonic)
        self._address_of = address_of

    def sweep(self) -> None:
        """Delete expired rows, rotate signing keys, finish deletions. Blocks; call periodically, on any replica."""
        try:
            self._sweep()
        except SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            outage_log.add("sweep", error)

    def _sweep(self) -> None:
        write(self._engine, self.credentials.sweep)
        write(self._engine, self.throttle.sweep)
        self.oauth.sweep()
        self.accounts.sweep(self.erase)

    def event_counts(self) -> dict[str, int]:
        """Audit events of this process since its start, by name, for metrics.

        ``user.throttled``, which is not an audit event, counts the throttled sign-ins and registrations.
        """
        return self.audit.event_counts() | {"user.throttled": self.throttle.rejections}

    def request_source(self, request: Request) -> RequestSource:
        return RequestSource(self._address_of(request), request.headers.get("user-agent", ""))

    async def erase_user_data(self, user_id: int) -> None:
        """Delete the data that the application stores about a deleted user. If that fails, :meth:`sweep` retries it."""
        with contextlib.suppress(SQLAlchemyError):
            await self.workers.run(self.erase, user_id)
