"""Login tokens of ``POST /auth/token/login/``, a new one for each call."""

from sqlalchemy import Connection, Engine

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.sessions import SIGN_IN_KINDS
from auth.credentials.store import CredentialStore
from auth.database import write
from auth.principal import User
from auth.users.accounts import AccountService


class LoginTokenService:
    def __init__(self, engine: Engine, accounts: AccountService, credentials: CredentialStore, audit: AuditLog) -> None:
        self._engine = engine
        self._accounts = accounts
        self._credentials = credentials
        self._audit = audit

    def begin(self, username: str, password: str, *, source: RequestSource) -> str:
        """The secret of a new token; hashes the password. Raises InvalidLogin or Throttled."""

        def issue(connection: Connection, user: User) -> str:
            return self._credentials.issue(connection, "token", user.id, source=source)

        return self._accounts.enter(username, password, issue, source=source)

    def end(self, user_id: int, id_: int, *, source: RequestSource) -> None:
        """Revoke a token or session; does nothing if it has ended already."""

        def work(connection: Connection) -> None:
            if self._credentials.revoke(connection, user_id, id_, SIGN_IN_KINDS):
                self._audit.add(connection, AuditEvent.SIGNED_OUT, user_id=user_id, source=source)

        write(self._engine, work)
