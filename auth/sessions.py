"""Sessions of the web app: begun when somebody signs in with a browser, ended when they sign out."""

from sqlalchemy import Connection, Engine

from auth.audit import Audit, Event, Origin
from auth.credentials import Credentials
from auth.database import write


class Sessions:
    """What stands behind the cookie. Who it is was found out before."""

    def __init__(self, engine: Engine, credentials: Credentials, audit: Audit) -> None:
        self._engine = engine
        self._credentials = credentials
        self._audit = audit

    def begin(self, user_id: int, *, instead_of: str | None, origin: Origin) -> str:
        """The secret for the cookie. ``instead_of``: what the browser's cookie holds, which ends.

        So nobody goes on under a session that was there before they signed in, planted by somebody else perhaps.
        """

        def work(connection: Connection) -> str:
            if instead_of:
                self._end(connection, instead_of, origin)
            return self._credentials.issue(connection, "session", user_id, origin=origin)

        return write(self._engine, work)

    def end(self, secret: str, *, origin: Origin) -> None:
        """Nothing happens to one that has ended already."""
        write(self._engine, lambda connection: self._end(connection, secret, origin))

    def _end(self, connection: Connection, secret: str, origin: Origin) -> None:
        user_id = self._credentials.revoke_secret(connection, "session", secret)
        if user_id is not None:
            self._audit.add(connection, Event.SIGNED_OUT, user_id=user_id, origin=origin)
