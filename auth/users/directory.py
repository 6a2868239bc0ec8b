"""The directory of users: look-up, search, roles, disabling."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, or_, select, update

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.browsers import BrowserStore
from auth.credentials.lifetimes import to_microseconds
from auth.credentials.store import CredentialStore
from auth.database import write
from auth.errors import PermissionDenied
from auth.principal import Role, User
from auth.settings import TimeSource
from auth.tables import oauth_devices, oauth_families, users
from auth.users.repository import (
    by_id,
    by_name,
    get_admin_for_update,
    require_another_admin,
    update_user,
    user_from_row,
)
from auth.users.usernames import key_of


class UserDirectory:
    def __init__(self, engine: Engine, clock: TimeSource, credentials: CredentialStore, audit: AuditLog) -> None:
        self._engine = engine
        self._clock = clock
        self._credentials = credentials
        self._audit = audit
        self._browsers = BrowserStore(clock)

    def get(self, user_id: int) -> User | None:
        with self._engine.connect() as connection:
            row = by_id(connection, user_id)
        return user_from_row(row) if row else None

    def named(self, username: str) -> User | None:
        """Look up by name; case and compatibility forms do not matter."""
        with self._engine.connect() as connection:
            row = by_name(connection, username)
        return user_from_row(row) if row else None

    def find(self, text: str = "", before_id: int | None = None, limit: int = 50) -> list[User]:
        """Users whose name or e-mail address contains the text, newest first, including disabled ones."""
        query = select(users).where(users.c.deleted_us.is_(None)).order_by(users.c.id.desc()).limit(limit)
        if text:
            key = key_of(text).encode(errors="replace").decode()
            columns = users.c.username_key, func.lower(users.c.email)
            query = query.where(or_(*(column.contains(key, autoescape=True) for column in columns)))
        if before_id is not None:
            query = query.where(users.c.id < before_id)
        with self._engine.connect() as connection:
            return [user_from_row(row) for row in connection.execute(query)]

    def set_role(self, user_id: int, role: Role, *, actor_id: int | None, source: RequestSource) -> User:
        """Raises ResourceNotFound, or PermissionDenied for one's own role and for the only admin."""
        deny_own_account(user_id, actor_id)

        def set_role(connection: Connection) -> User:
            row = get_admin_for_update(connection, user_id)
            if row.role != role:
                require_another_admin(connection, row)
                update_user(connection, user_id, role=role)
                self._log(connection, AuditEvent.ROLE_CHANGED, user_id, actor_id, source, detail={"role": role})
            return replace(user_from_row(row), role=role)

        return write(self._engine, set_role)

    def set_disabled(self, user_id: int, disabled: bool, *, actor_id: int | None, source: RequestSource) -> User:
        """Disable or enable a user. Disabling revokes sessions, tokens and grants; API keys work again once enabled.

        Raises ResourceNotFound, or PermissionDenied for oneself and for the only admin.
        """
        deny_own_account(user_id, actor_id)

        def set_disabled(connection: Connection) -> User:
            row = get_admin_for_update(connection, user_id)
            if (row.disabled_us is not None) != disabled:
                require_another_admin(connection, row)
                update_user(connection, user_id, disabled_us=self._now_us() if disabled else None)
                self._log(
                    connection, AuditEvent.DISABLED if disabled else AuditEvent.ENABLED, user_id, actor_id, source
                )
            if disabled:
                self._revoke_access(connection, user_id)
            return replace(user_from_row(row), is_disabled=disabled)

        return write(self._engine, set_disabled)

    def _revoke_access(self, connection: Connection, user_id: int, keep_id: int | None = None) -> None:
        """Revoke every session and token except ``keep_id``, and all grants of applications, but no API keys.

        The devices of native applications are forgotten too, so they need consent again, and the known browsers.
        """
        self._browsers.forget_all(connection, user_id)
        self._credentials.revoke_all(connection, user_id, ("session", "token"), keep_id)
        families = (oauth_families.c.user_id == user_id) & oauth_families.c.revoked_us.is_(None)
        connection.execute(update(oauth_families).where(families).values(revoked_us=self._now_us()))
        connection.execute(delete(oauth_devices).where(oauth_devices.c.user_id == user_id))

    def _log(
        self,
        connection: Connection,
        event: AuditEvent,
        user_id: int | None,
        actor_id: int | None,
        source: RequestSource,
        **more: Any,  # noqa: ANN401
    ) -> None:
        self._audit.add(connection, event, user_id=user_id, actor_id=actor_id, source=source, **more)

    def _now_us(self) -> int:
        return to_microseconds(self._clock())


def deny_own_account(user_id: int, actor_id: int | None) -> None:
    if user_id == actor_id:
        raise PermissionDenied("You cannot do this to your own account; another admin can.")
