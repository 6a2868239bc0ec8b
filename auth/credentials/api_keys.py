"""Personal API keys, with some of the scopes of their owner."""

from typing import Final

from sqlalchemy import Connection, Engine

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.store import Credential, CredentialStore
from auth.database import write
from auth.errors import InvalidFields, PermissionDenied, ResourceNotFound
from auth.principal import API_KEY_SCOPES, Scopes, User, scopes_of_role
from auth.users.repository import UserRow, write_for_user

MAX_API_KEYS: Final = 100
_MAX_NAME_LENGTH: Final = 100


class ApiKeyService:
    def __init__(self, engine: Engine, credentials: CredentialStore, audit: AuditLog) -> None:
        self._engine = engine
        self._credentials = credentials
        self._audit = audit

    def create(
        self, user: User, name: str, scopes: Scopes, lifetime_s: float | None, *, source: RequestSource
    ) -> tuple[Credential, str]:
        """The key and its secret.

        Raises InvalidFields, PermissionDenied if the user has too many keys, or ResourceNotFound if they were deleted.
        """
        name = name.strip()
        _validate(user, name, scopes)

        def work(connection: Connection, _row: UserRow) -> tuple[Credential, str]:
            if self._credentials.count_keys(connection, user.id) >= MAX_API_KEYS:
                raise PermissionDenied(f"You have the maximum of {MAX_API_KEYS} API keys; revoke one you do not need.")
            issue = self._credentials.issue
            secret = issue(connection, "key", user.id, scopes=scopes, name=name, lifetime_s=lifetime_s, source=source)
            key = self._credentials.find(connection, secret)
            assert key  # noqa: S101 - inserted above
            detail = {"id": key.id, "name": name, "scopes": sorted(scopes)}
            self._audit.add(connection, AuditEvent.KEY_CREATED, user_id=user.id, source=source, detail=detail)
            return key, secret

        return write_for_user(self._engine, user.id, work)

    def list(self, user_id: int) -> list[Credential]:
        """The keys of a user that have not expired, newest first."""
        return self._credentials.list(user_id, ["key"])

    def revoke(self, user_id: int, id_: int, *, source: RequestSource) -> None:
        """Raises ResourceNotFound."""

        def work(connection: Connection) -> None:
            if not self._credentials.revoke(connection, user_id, id_, ["key"]):
                raise ResourceNotFound("There is no such key; it may have expired or been revoked.")
            detail = {"kind": "key", "id": id_}
            self._audit.add(connection, AuditEvent.CREDENTIAL_REVOKED, user_id=user_id, source=source, detail=detail)

        write(self._engine, work)


def _validate(user: User, name: str, scopes: Scopes) -> None:
    errors: dict[str, list[str]] = {}
    if not name or len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        errors["name"] = [f"1 to {_MAX_NAME_LENGTH} printable characters."]
    may_have = API_KEY_SCOPES & scopes_of_role(user.role)
    if not scopes or scopes - may_have:
        errors["scopes"] = [f"One or more of {', '.join(sorted(may_have))}."]
    if errors:
        raise InvalidFields(errors)
