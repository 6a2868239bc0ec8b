"""Whose account somebody gets into for whom another vouches: theirs, a new one, or none."""

import contextlib
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.database import write
from auth.errors import AuthError, Busy, PermissionDenied
from auth.external.identities import Identities
from auth.external.person import Person
from auth.external.providers import Provider
from auth.settings import AuthSettings
from auth.users.accounts import AccountService
from auth.users.repository import by_id, get_for_update

T = TypeVar("T")

ATTEMPTS: Final = 5


class AccountLinking:
    """An identity is somebody's by issuer and subject. An e-mail address says nothing: whoever hosts it may take it."""

    def __init__(
        self, engine: Engine, settings: AuthSettings, accounts: AccountService, identities: Identities, audit: AuditLog
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._accounts = accounts
        self._identities = identities
        self._audit = audit

    def sign_in(self, provider: Provider, person: Person, *, source: RequestSource) -> int:
        """The id of their account, created if needed. Raises PermissionDenied if they may not sign in."""

        def work(connection: Connection) -> int | AuthError:
            user_id = self._identities.owner_of(connection, person)
            if user_id is None:
                return self._register(connection, provider, person, source)
            user = by_id(connection, user_id, lock=True)
            if user is None or user.disabled_us is not None:
                return self._refused(connection, provider, user_id, "disabled", source)
            self._identities.seen(connection, provider.name, person)
            self._log(connection, AuditEvent.SIGNED_IN, provider, user_id, source)
            return user_id

        outcome = self._write(work)
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    def link(self, user_id: int, provider: Provider, person: Person, *, source: RequestSource) -> None:
        """Let the identity sign in a user who asked for that. Raises PermissionDenied where it is somebody else's."""

        def work(connection: Connection) -> None:
            get_for_update(connection, user_id)
            owner_id = self._identities.owner_of(connection, person)
            if owner_id is None:
                self._identities.add(connection, user_id, provider.name, person, source)
            elif owner_id != user_id:
                raise PermissionDenied(
                    f"This {provider.title} account signs in another user here. Sign in with it, unlink it there, "
                    "and link it again."
                )

        self._write(work)

    def failed(self, provider: Provider, error: AuthError, *, source: RequestSource) -> None:
        """Write down that somebody came back from a provider and was not let in."""

        def work(connection: Connection) -> None:
            self._log(connection, AuditEvent.SIGN_IN_FAILED, provider, None, source, reason=error.code)

        write(self._engine, work)

    def _register(
        self, connection: Connection, provider: Provider, person: Person, source: RequestSource
    ) -> int | AuthError:
        if not (provider.registers and self._settings.registration):
            return self._refused(connection, provider, None, "unknown", source)
        username = person.username or provider.name
        user = self._accounts.add_without_password(connection, username, person.email, source=source)
        self._identities.add(connection, user.id, provider.name, person, source)
        self._log(connection, AuditEvent.SIGNED_IN, provider, user.id, source)
        return user.id

    def _refused(
        self, connection: Connection, provider: Provider, user_id: int | None, reason: str, source: RequestSource
    ) -> PermissionDenied:
        """Given back, not raised: the log of it has to stay."""
        self._log(connection, AuditEvent.SIGN_IN_FAILED, provider, user_id, source, reason=reason)
        if user_id is not None:
            return PermissionDenied("This account is disabled. Ask the administrators here.")
        return PermissionDenied(
            f"No account here is linked with this {provider.title} account, and it makes no new ones. "
            "If you have one, sign in with its password and link them; or ask the administrators here."
        )

    def _log(
        self,
        connection: Connection,
        event: AuditEvent,
        provider: Provider,
        user_id: int | None,
        source: RequestSource,
        **detail: str,
    ) -> None:
        told = {"provider": provider.name} | detail
        self._audit.add(connection, event, user_id=user_id, source=source, detail=told)

    def _write(self, work: Callable[[Connection], T]) -> T:
        """Again where another tab did the same at the same time: what it made is found then."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(IntegrityError):
                return write(self._engine, work)
        raise Busy("Too much happens here at once; try again in a moment.")
