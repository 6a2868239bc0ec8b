"""Accounts: registration, sign-in, changes, deletion."""

import secrets
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import IntegrityError

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.lifetimes import MINUTE, to_microseconds
from auth.credentials.store import CredentialStore
from auth.database import write
from auth.errors import InvalidFields, InvalidLogin, PermissionDenied, ResourceNotFound
from auth.passwords.admission import Attempt
from auth.passwords.hashing import Passwords
from auth.passwords.throttling import LoginThrottle
from auth.passwords.verifier import PasswordVerifier, UserLookup
from auth.principal import Role, User
from auth.settings import AuthSettings, TimeSource
from auth.tables import users
from auth.users import deletion, emails, usernames
from auth.users.directory import UserDirectory
from auth.users.repository import (
    UserRow,
    by_id,
    by_lookalike,
    by_name,
    get_admin_for_update,
    get_for_update,
    name_values,
    require_another_admin,
    update_user,
    user_from_row,
)

T = TypeVar("T")

LOGIN_FAILED: Final = "Unable to log in with provided credentials."
USERNAME_TAKEN: Final = {"username": ["A user with that username already exists."]}
USERNAME_SIMILAR: Final = {"username": ["This username looks like that of another user."]}
WRONG_PASSWORD: Final = {"current_password": ["Invalid password."]}
PASSWORD_MISSING: Final = {"current_password": ["This field is required."]}
HARD_DELETE_DELAY: Final = MINUTE
"""After this, no request that started before the deletion of the account is still in progress."""


class AccountService(UserDirectory):
    """All methods query the database; those with a password also hash it, which takes about 25 ms."""

    def __init__(
        self,
        engine: Engine,
        clock: TimeSource,
        *,
        passwords: Passwords,
        throttle: LoginThrottle,
        credentials: CredentialStore,
        audit: AuditLog,
        settings: AuthSettings,
    ) -> None:
        super().__init__(engine, clock, credentials, audit)
        self._passwords = passwords
        self._throttle = throttle
        self._verifier = PasswordVerifier(engine, passwords, throttle)
        self._settings = settings

    def register(self, username: str, password: str, email: str = "", *, source: RequestSource) -> User:
        """Create an account. Raises InvalidFields, Throttled, or PermissionDenied if registration is disabled."""
        self.require_registration()
        self._throttle.validate(source.address)
        self._validate(username, password, email)
        self._throttle.register(source.address)
        user = self._create(username, password, email, "user", source)
        self._throttle.remember(usernames.key_of(username), source.address)
        return user

    def require_registration(self) -> None:
        """Raises PermissionDenied if registration is disabled."""
        if not self._settings.registration:
            raise PermissionDenied("Registration is disabled; ask an administrator for an account.")

    def create_admin(self, username: str, password: str, email: str = "") -> User:
        """Raises InvalidFields."""
        self._validate(username, password, email)
        return self._create(username, password, email, "admin", RequestSource())

    def add_without_password(self, connection: Connection, username: str, email: str, *, source: RequestSource) -> User:
        """Create a user who signs in with a provider, in the caller's transaction.

        The name resembles ``username``; an invalid ``email`` is dropped. Raises IntegrityError if a concurrent
        registration takes the name.
        """
        wanted = usernames.valid_username_from(username)
        others = (f"{wanted[:140]}-{secrets.randbelow(10**digits)}" for digits in range(2, 9))
        free = (name for name in (wanted, *others) if not _name_conflict(connection, name))
        name = next(free, secrets.token_hex(16))
        address = "" if emails.email_errors(email) else email
        return self._insert(connection, name, None, address, role="user", source=source)

    def authenticate(
        self, username: str, attempt: Attempt, then: Callable[[Connection, User], T], *, source: RequestSource
    ) -> T:
        """Check the password and run ``then``, which may issue a session, in the same transaction.

        Otherwise the session could outlive a concurrent password change. Raises InvalidLogin.
        """
        find = partial(by_name, username=username)

        def succeed(connection: Connection, row: UserRow) -> T:
            self._log(connection, AuditEvent.SIGNED_IN, row.id, None, source)
            return then(connection, user_from_row(row))

        outcome = self._verifier.verify(find, attempt, succeed)
        if outcome is None:
            self._log_failure(find, source)
            raise InvalidLogin(LOGIN_FAILED)
        return outcome

    def check_password(self, user_id: int, attempt: Attempt, *, source: RequestSource) -> None:
        """Raises InvalidFields if the password is wrong."""
        find = partial(by_id, user_id=user_id)
        if not self._verifier.verify(find, attempt, lambda *_: True):
            self._log_failure(find, source)
            raise InvalidFields(WRONG_PASSWORD)

    def change_password(
        self, user_id: int, current: Attempt | None, new: str, *, keep_id: int | None, source: RequestSource
    ) -> None:
        """Change the password and revoke all sessions, tokens and grants except the credential ``keep_id``.

        API keys remain. ``current`` is ignored if the user has no password yet. Raises InvalidFields.
        """
        row = self._row(user_id)
        self._require_password(row, current, source)
        if errors := self._passwords.errors_of(new, username=row.username, email=row.email):
            raise InvalidFields({"new_password": errors})
        hashed = self._passwords.hash(new)

        def set_password(connection: Connection) -> None:
            if get_for_update(connection, user_id).password_changed_us != row.password_changed_us:
                raise InvalidFields(WRONG_PASSWORD)
            update_user(connection, user_id, password=hashed, password_changed_us=self._now_us())
            self._revoke_access(connection, user_id, keep_id)
            self._log(connection, AuditEvent.PASSWORD_CHANGED, user_id, None, source)

        write(self._engine, set_password)

    def update(
        self, user_id: int, *, username: str | None = None, email: str | None = None, source: RequestSource
    ) -> User:
        """Change the fields that are not None. Raises InvalidFields or ResourceNotFound."""

        def set_fields(connection: Connection) -> User:
            row = get_for_update(connection, user_id)
            is_new = username is not None and usernames.normalize_username(username) != row.username
            new_name = username if is_new else None  # an older name may break newer rules, and stays
            if errors := _profile_errors(new_name, email):
                raise InvalidFields(errors)
            if new_name and (conflict := _name_conflict(connection, new_name, except_id=user_id)):
                raise InvalidFields(conflict)
            new = {} if email is None else {"email": emails.normalize_email(email)}
            new |= name_values(new_name) if new_name else {}
            fields = sorted(name for name in ("username", "email") if name in new and getattr(row, name) != new[name])
            if not fields:
                return user_from_row(row)
            update_user(connection, user_id, **new)
            self._log(connection, AuditEvent.PROFILE_CHANGED, user_id, None, source, detail={"fields": fields})
            return user_from_row(get_for_update(connection, user_id))

        return self._write_unique(set_fields, username)

    def delete(
        self, user_id: int, *, current: Attempt | None = None, actor_id: int | None = None, source: RequestSource
    ) -> None:
        """Delete an account. Users confirm with their password, if they have one; admins need not.

        Raises InvalidFields or ResourceNotFound, and PermissionDenied for the only admin.
        """
        if actor_id in {None, user_id}:
            self._require_password(self._row(user_id), current, source)

        def soft_delete(connection: Connection) -> None:
            require_another_admin(connection, get_admin_for_update(connection, user_id))
            deletion.soft_delete(connection, user_id, self._now_us())
            self._log(connection, AuditEvent.DELETED, user_id, actor_id, source)

        write(self._engine, soft_delete)

    def sweep(self, erase: Callable[[int], object]) -> int:
        """Hard-delete users who were deleted over a minute ago, after ``erase``; returns their number.

        Safe to call concurrently.
        """
        with self._engine.connect() as connection:
            user_ids = deletion.soft_deleted_before(connection, self._now_us() - to_microseconds(HARD_DELETE_DELAY))
        for user_id in user_ids:
            erase(user_id)
            write(self._engine, partial(deletion.hard_delete, user_id=user_id))
        return len(user_ids)

    def _validate(self, username: str, password: str, email: str) -> None:
        if errors := _profile_errors(username, email):
            raise InvalidFields(errors)
        with self._engine.connect() as connection:
            if conflict := _name_conflict(connection, username):
                raise InvalidFields(conflict)
        if messages := self._passwords.errors_of(password, username=username, email=email):
            raise InvalidFields({"password": messages})

    def _create(self, username: str, password: str, email: str, role: Role, source: RequestSource) -> User:
        hashed = self._passwords.hash(password)
        return self._write_unique(
            lambda connection: self._insert(connection, username, hashed, email, role=role, source=source), username
        )

    def _insert(
        self,
        connection: Connection,
        username: str,
        hashed: str | None,
        email: str,
        *,
        role: Role,
        source: RequestSource,
    ) -> User:
        now_us = self._now_us()
        values = {
            **name_values(username),
            "email": emails.normalize_email(email),
            "password": hashed,
            "role": role,
            "created_us": now_us,
            "password_changed_us": now_us if hashed else None,
        }
        key = connection.execute(insert(users).values(values)).inserted_primary_key
        user_id = key[0] if key else 0
        self._log(connection, AuditEvent.REGISTERED, user_id, None, source)
        return user_from_row(get_for_update(connection, user_id))

    def _write_unique(self, work: Callable[[Connection], User], username: str | None) -> User:
        """Raises InvalidFields if another user has this name, or one that looks like it, since just now."""
        try:
            return write(self._engine, work)
        except IntegrityError:
            with self._engine.connect() as connection:
                raise InvalidFields(_name_conflict(connection, username or "") or USERNAME_TAKEN) from None

    def _log_failure(self, find: UserLookup, source: RequestSource) -> None:
        """Unknown users are logged too, which takes the same time; their names are not stored."""
        if self._audit.omits_failure():
            return

        def log(connection: Connection) -> None:
            row = find(connection)
            self._log(connection, AuditEvent.SIGN_IN_FAILED, row.id if row else None, None, source)

        write(self._engine, log)

    def _row(self, user_id: int) -> UserRow:
        with self._engine.connect() as connection:
            row = by_id(connection, user_id)
        if row is None:
            raise ResourceNotFound("There is no such user.")
        return row

    def _require_password(self, row: UserRow, current: Attempt | None, source: RequestSource) -> None:
        """Raises InvalidFields, unless the user has no password."""
        if row.password is None:
            return
        if current is None:
            raise InvalidFields(PASSWORD_MISSING)
        self.check_password(row.id, current, source=source)


def _name_conflict(
    connection: Connection, username: str, *, except_id: int | None = None
) -> dict[str, list[str]] | None:
    """The error of a name that another user has, or that looks like one."""
    for found, error in ((by_name, USERNAME_TAKEN), (by_lookalike, USERNAME_SIMILAR)):
        row = found(connection, username)
        if row is not None and row.id != except_id:
            return error
    return None


def _profile_errors(username: str | None, email: str | None) -> dict[str, list[str]]:
    errors = {"email": emails.email_errors(email or "")}
    if username is not None:
        errors["username"] = usernames.username_errors(username)
    return {field: messages for field, messages in errors.items() if messages}
