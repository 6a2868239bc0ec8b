"""Sessions of the web app, begun when somebody signs in with a browser; their owner sees and ends all sign-ins."""

from typing import Final

from sqlalchemy import Connection, Engine

from auth.audit import Audit, Event, RequestSource
from auth.credentials.store import Credential, Credentials
from auth.database import write
from auth.errors import NoSuchThing
from auth.principal import CredentialKind, User
from auth.users.accounts import Accounts

SIGN_INS: Final[tuple[CredentialKind, ...]] = ("session", "token")
"""What comes of a name and a password, in a browser or by the sign-in call."""


class Sessions:
    """What stands behind the cookie."""

    def __init__(self, engine: Engine, accounts: Accounts, credentials: Credentials, audit: Audit) -> None:
        self._engine = engine
        self._accounts = accounts
        self._credentials = credentials
        self._audit = audit

    def sign_in(
        self, username: str, password: str, *, instead_of: str | None, origin: RequestSource
    ) -> tuple[User, str]:
        """Who it is, and the secret for the cookie; hashes. Raises InvalidLogin or Throttled."""

        def issue(connection: Connection, user: User) -> tuple[User, str]:
            return user, self._begin(connection, user.id, instead_of, origin)

        return self._accounts.enter(username, password, issue, origin=origin)

    def begin(self, user_id: int, *, instead_of: str | None, origin: RequestSource) -> str:
        """The secret for the cookie, for whom others vouch for. ``instead_of``: what the cookie holds; it ends."""
        return write(self._engine, lambda connection: self._begin(connection, user_id, instead_of, origin))

    def end(self, secret: str, *, origin: RequestSource) -> None:
        """Nothing happens to one that has ended already."""
        write(self._engine, lambda connection: self._end(connection, secret, origin))

    def list(self, user_id: int) -> list[Credential]:
        """Where a user is signed in, by session or token, newest first."""
        return self._credentials.list(user_id, SIGN_INS)

    def revoke(self, user_id: int, id_: int, *, origin: RequestSource) -> None:
        """End one of a user's sign-ins. Raises NoSuchThing."""

        def work(connection: Connection) -> None:
            if not self._credentials.revoke(connection, user_id, id_, SIGN_INS):
                raise NoSuchThing("There is no such session; it may have ended already.")
            detail = {"kind": "session", "id": id_}
            self._audit.add(connection, Event.CREDENTIAL_REVOKED, user_id=user_id, origin=origin, detail=detail)

        write(self._engine, work)

    def revoke_others(self, user_id: int, but_id: int, *, origin: RequestSource) -> None:
        """End all of a user's sign-ins but one."""

        def work(connection: Connection) -> None:
            if count := self._credentials.revoke_all(connection, user_id, SIGN_INS, but_id):
                detail = {"kind": "session", "count": count}
                self._audit.add(connection, Event.CREDENTIAL_REVOKED, user_id=user_id, origin=origin, detail=detail)

        write(self._engine, work)

    def _begin(self, connection: Connection, user_id: int, instead_of: str | None, origin: RequestSource) -> str:
        """Nobody goes on under a session that was there before they signed in, planted by somebody else perhaps."""
        if instead_of:
            self._end(connection, instead_of, origin)
        return self._credentials.issue(connection, "session", user_id, origin=origin)

    def _end(self, connection: Connection, secret: str, origin: RequestSource) -> None:
        user_id = self._credentials.revoke_secret(connection, "session", secret)
        if user_id is not None:
            self._audit.add(connection, Event.SIGNED_OUT, user_id=user_id, origin=origin)
