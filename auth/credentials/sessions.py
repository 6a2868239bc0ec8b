"""Sessions of the web app, begun when somebody signs in with a browser; their owner sees and ends all sign-ins."""

from typing import Final

from sqlalchemy import Connection, Engine

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.store import Credential, CredentialStore
from auth.database import write
from auth.errors import ResourceNotFound
from auth.principal import CredentialKind, User
from auth.users.accounts import AccountService

SIGN_INS: Final[tuple[CredentialKind, ...]] = ("session", "token")
"""What comes of a name and a password, in a browser or by the sign-in call."""


class SessionService:
    """What stands behind the cookie."""

    def __init__(self, engine: Engine, accounts: AccountService, credentials: CredentialStore, audit: AuditLog) -> None:
        self._engine = engine
        self._accounts = accounts
        self._credentials = credentials
        self._audit = audit

    def sign_in(
        self, username: str, password: str, *, instead_of: str | None, source: RequestSource
    ) -> tuple[User, str]:
        """Who it is, and the secret for the cookie; hashes. Raises InvalidLogin or Throttled."""

        def issue(connection: Connection, user: User) -> tuple[User, str]:
            return user, self._begin(connection, user.id, instead_of, source)

        return self._accounts.enter(username, password, issue, source=source)

    def begin(self, user_id: int, *, instead_of: str | None, source: RequestSource) -> str:
        """The secret for the cookie, for whom others vouch for. ``instead_of``: what the cookie holds; it ends."""
        return write(self._engine, lambda connection: self._begin(connection, user_id, instead_of, source))

    def end(self, secret: str, *, source: RequestSource) -> None:
        """Nothing happens to one that has ended already."""
        write(self._engine, lambda connection: self._end(connection, secret, source))

    def list(self, user_id: int) -> list[Credential]:
        """Where a user is signed in, by session or token, newest first."""
        return self._credentials.list(user_id, SIGN_INS)

    def revoke(self, user_id: int, id_: int, *, source: RequestSource) -> None:
        """End one of a user's sign-ins. Raises ResourceNotFound."""

        def work(connection: Connection) -> None:
            if not self._credentials.revoke(connection, user_id, id_, SIGN_INS):
                raise ResourceNotFound("There is no such session; it may have ended already.")
            detail = {"kind": "session", "id": id_}
            self._audit.add(connection, AuditEvent.CREDENTIAL_REVOKED, user_id=user_id, source=source, detail=detail)

        write(self._engine, work)

    def revoke_others(self, user_id: int, but_id: int, *, source: RequestSource) -> None:
        """End all of a user's sign-ins but one."""

        def work(connection: Connection) -> None:
            if count := self._credentials.revoke_all(connection, user_id, SIGN_INS, but_id):
                detail = {"kind": "session", "count": count}
                self._audit.add(
                    connection, AuditEvent.CREDENTIAL_REVOKED, user_id=user_id, source=source, detail=detail
                )

        write(self._engine, work)

    def _begin(self, connection: Connection, user_id: int, instead_of: str | None, source: RequestSource) -> str:
        """Nobody goes on under a session that was there before they signed in, planted by somebody else perhaps."""
        if instead_of:
            self._end(connection, instead_of, source)
        return self._credentials.issue(connection, "session", user_id, source=source)

    def _end(self, connection: Connection, secret: str, source: RequestSource) -> None:
        user_id = self._credentials.revoke_secret(connection, "session", secret)
        if user_id is not None:
            self._audit.add(connection, AuditEvent.SIGNED_OUT, user_id=user_id, source=source)
