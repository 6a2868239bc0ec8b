"""Links external identities to accounts and signs their users in."""

import contextlib
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.database import write
from auth.errors import AuthError, Busy, PermissionDenied
from auth.external.claims import UserClaims
from auth.external.identities import Identities
from auth.external.providers import Provider
from auth.settings import AuthSettings
from auth.users.accounts import AccountService
from auth.users.repository import by_id, get_for_update

T = TypeVar("T")

_MAX_ATTEMPTS: Final = 5


class AccountLinking:
    """Identities match by issuer and subject, never by e-mail address: a provider can assert any address."""

    def __init__(
        self, engine: Engine, settings: AuthSettings, accounts: AccountService, identities: Identities, audit: AuditLog
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._accounts = accounts
        self._identities = identities
        self._audit = audit

    def sign_in(self, provider: Provider, claims: UserClaims, *, source: RequestSource) -> int:
        """Id of the linked account, created if missing. Raises PermissionDenied if it is disabled or not permitted."""

        def work(connection: Connection) -> int | AuthError:
            user_id = self._identities.user_id_of(connection, claims)
            if user_id is None:
                return self._register(connection, provider, claims, source)
            user = by_id(connection, user_id, lock=True)
            if user is None or user.disabled_us is not None:
                return self._rejection(connection, provider, user_id, "disabled", source)
            self._identities.update(connection, provider.name, claims)
            self._log(connection, AuditEvent.SIGNED_IN, provider, user_id, source)
            return user_id

        outcome = self._write(work)
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    def link(self, user_id: int, provider: Provider, claims: UserClaims, *, source: RequestSource) -> None:
        """Link the identity to the user. Raises PermissionDenied if it is linked to another user."""

        def work(connection: Connection) -> None:
            get_for_update(connection, user_id)  # the identities of a user are counted
            owner_id = self._identities.user_id_of(connection, claims)
            if owner_id is None:
                self._identities.add(connection, user_id, provider.name, claims, source)
            elif owner_id != user_id:
                raise PermissionDenied(
                    f"This {provider.title} account is linked to another user. Sign in with it, unlink it there, then "
                    "link it again."
                )

        self._write(work)

    def record_failure(self, provider: Provider, error: AuthError, *, source: RequestSource) -> None:
        """Add a failed sign-in to the audit log."""

        def work(connection: Connection) -> None:
            self._log(connection, AuditEvent.SIGN_IN_FAILED, provider, None, source, reason=error.code)

        write(self._engine, work)

    def _register(
        self, connection: Connection, provider: Provider, claims: UserClaims, source: RequestSource
    ) -> int | AuthError:
        if not (provider.registers and self._settings.registration):
            return self._rejection(connection, provider, None, "unknown", source)
        username = claims.username or provider.name
        user = self._accounts.add_without_password(connection, username, claims.email, source=source)
        self._identities.add(connection, user.id, provider.name, claims, source)
        self._log(connection, AuditEvent.SIGNED_IN, provider, user.id, source)
        return user.id

    def _rejection(
        self, connection: Connection, provider: Provider, user_id: int | None, reason: str, source: RequestSource
    ) -> PermissionDenied:
        """Returned, not raised, so that the audit record is committed."""
        self._log(connection, AuditEvent.SIGN_IN_FAILED, provider, user_id, source, reason=reason)
        if user_id is not None:
            return PermissionDenied("This account is disabled. Contact an administrator.")
        return PermissionDenied(
            f"This {provider.title} account is not linked to a Raylens account, and new accounts are not created. "
            "Sign in with your password and link it, or contact an administrator."
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
        detail = {"provider": provider.name} | detail
        self._audit.add(connection, event, user_id=user_id, source=source, detail=detail)

    def _write(self, work: Callable[[Connection], T]) -> T:
        """Retried after a concurrent sign-in of the same identity, whose account is then found."""
        for _ in range(_MAX_ATTEMPTS):
            with contextlib.suppress(IntegrityError):
                return write(self._engine, work)
        raise Busy("Too many concurrent sign-ins. Try again in a moment.")
