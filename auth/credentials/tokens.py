"""Tokens of the sign-in call: one for each sign-in, for programs that sign in with a name and a password."""

from sqlalchemy import Connection, Engine

from auth.audit import Audit, Event, RequestSource
from auth.credentials.sessions import SIGN_INS
from auth.credentials.store import Credentials
from auth.database import write
from auth.principal import User
from auth.users.accounts import Accounts


class LoginTokens:
    def __init__(self, engine: Engine, accounts: Accounts, credentials: Credentials, audit: Audit) -> None:
        self._engine = engine
        self._accounts = accounts
        self._credentials = credentials
        self._audit = audit

    def begin(self, username: str, password: str, *, origin: RequestSource) -> str:
        """A new token's secret; hashes. Raises InvalidLogin or Throttled."""

        def issue(connection: Connection, user: User) -> str:
            return self._credentials.issue(connection, "token", user.id, origin=origin)

        return self._accounts.enter(username, password, issue, origin=origin)

    def end(self, user_id: int, id_: int, *, origin: RequestSource) -> None:
        """Of a token or session; nothing happens to one that has ended already."""

        def work(connection: Connection) -> None:
            if self._credentials.revoke(connection, user_id, id_, SIGN_INS):
                self._audit.add(connection, Event.SIGNED_OUT, user_id=user_id, origin=origin)

        write(self._engine, work)
