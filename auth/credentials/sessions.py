"""Sessions of the web app and login tokens, which users list and revoke together."""

from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.browsers import BrowserStore
from auth.credentials.store import Credential, CredentialStore
from auth.database import write
from auth.errors import PermissionDenied, ResourceNotFound
from auth.passwords.admission import Attempt
from auth.principal import CredentialKind, User
from auth.users.accounts import AccountService
from auth.users.repository import UserRow, write_for_user

SIGN_IN_KINDS: Final[tuple[CredentialKind, ...]] = ("session", "token")
"""Credentials issued for a username and password, in a browser or by ``POST /auth/token/login/``."""


class NewSession(NamedTuple):
    user: User
    secret: str
    """For the session cookie."""
    browser: str
    """Secret for the browser cookie."""


class SessionService:
    def __init__(
        self,
        engine: Engine,
        accounts: AccountService,
        credentials: CredentialStore,
        browsers: BrowserStore,
        audit: AuditLog,
    ) -> None:
        self._engine = engine
        self._accounts = accounts
        self._credentials = credentials
        self._browsers = browsers
        self._audit = audit

    def sign_in(
        self, username: str, attempt: Attempt, *, replaces: str | None, browser: str | None, source: RequestSource
    ) -> NewSession:
        """Begin a session and remember the browser; hashes the password. Raises InvalidLogin."""

        def issue(connection: Connection, user: User) -> NewSession:
            secret = self._begin(connection, user.id, replaces, source)
            return NewSession(user, secret, self._browsers.remember(connection, user.id, browser))

        return self._accounts.authenticate(username, attempt, issue, source=source)

    def begin(self, user_id: int, *, replaces: str | None, source: RequestSource) -> str:
        """The secret for the cookie, for a user whom a provider authenticated. The session ``replaces`` is revoked.

        Raises PermissionDenied or ResourceNotFound if the user has been disabled or deleted since.
        """

        def work(connection: Connection, row: UserRow) -> str:
            if row.disabled_us is not None:
                raise PermissionDenied("This account is disabled. Contact an administrator.")
            return self._begin(connection, user_id, replaces, source)

        return write_for_user(self._engine, user_id, work)

    def end(self, secret: str, *, source: RequestSource) -> None:
        """Revoke a session; does nothing if it has ended already."""
        write(self._engine, lambda connection: self._end(connection, secret, source))

    def issue_token(self, username: str, attempt: Attempt, *, source: RequestSource) -> str:
        """The secret of a new login token; hashes the password. Raises InvalidLogin."""

        def issue(connection: Connection, user: User) -> str:
            return self._credentials.issue(connection, "token", user.id, source=source)

        return self._accounts.authenticate(username, attempt, issue, source=source)

    def sign_out(self, user_id: int, id_: int, *, source: RequestSource) -> None:
        """Revoke the token or session with this id; does nothing if it has ended already."""

        def work(connection: Connection) -> None:
            if self._credentials.revoke(connection, user_id, id_, SIGN_IN_KINDS):
                self._audit.add(connection, AuditEvent.SIGNED_OUT, user_id=user_id, source=source)

        write(self._engine, work)

    def list(self, user_id: int) -> list[Credential]:
        """Sessions and tokens of a user, newest first."""
        return self._credentials.list(user_id, SIGN_IN_KINDS)

    def revoke(self, user_id: int, id_: int, *, source: RequestSource) -> None:
        """Revoke one of a user's sessions or tokens. Raises ResourceNotFound."""

        def work(connection: Connection) -> None:
            if not self._credentials.revoke(connection, user_id, id_, SIGN_IN_KINDS):
                raise ResourceNotFound("There is no such session; it may have expired or been revoked.")
            detail = {"kind": "session", "id": id_}
            self._audit.add(connection, AuditEvent.CREDENTIAL_REVOKED, user_id=user_id, source=source, detail=detail)

        write(self._engine, work)

    def revoke_others(self, user_id: int, except_id: int, *, browser: str | None = None, source: RequestSource) -> None:
        """Revoke all of a user's sessions and tokens except one, and forget all browsers except ``browser``."""

        def work(connection: Connection) -> None:
            self._browsers.forget_all(connection, user_id, except_secret=browser)
            if count := self._credentials.revoke_all(connection, user_id, SIGN_IN_KINDS, except_id):
                detail = {"kind": "session", "count": count}
                self._audit.add(
                    connection, AuditEvent.CREDENTIAL_REVOKED, user_id=user_id, source=source, detail=detail
                )

        write(self._engine, work)

    def _begin(self, connection: Connection, user_id: int, replaces: str | None, source: RequestSource) -> str:
        """Also revokes the previous session in the browser, which somebody else may have planted (session fixation)."""
        if replaces:
            self._end(connection, replaces, source)
        return self._credentials.issue(connection, "session", user_id, source=source)

    def _end(self, connection: Connection, secret: str, source: RequestSource) -> None:
        user_id = self._credentials.revoke_secret(connection, "session", secret)
        if user_id is not None:
            self._audit.add(connection, AuditEvent.SIGNED_OUT, user_id=user_id, source=source)
