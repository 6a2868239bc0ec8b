"""Personal API keys: a part of what their owner may, for programs of theirs."""

from typing import Final

from sqlalchemy import Connection, Engine

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.store import Credential, CredentialStore
from auth.database import write
from auth.errors import InvalidFields, PermissionDenied, ResourceNotFound
from auth.principal import API_KEY_SCOPES, Scopes, User, scopes_of_role

MAX_API_KEYS: Final = 100
_MAX_NAME_LENGTH: Final = 100


class ApiKeyService:
    """Makes and ends them."""

    def __init__(self, engine: Engine, credentials: CredentialStore, audit: AuditLog) -> None:
        self._engine = engine
        self._credentials = credentials
        self._audit = audit

    def create(
        self, user: User, name: str, scopes: Scopes, lifetime_s: float | None, *, source: RequestSource
    ) -> tuple[Credential, str]:
        """The key and its secret, told this once. Raises InvalidFields, and PermissionDenied for one too many."""
        name = name.strip()
        _validate(user, name, scopes)

        def work(connection: Connection) -> tuple[Credential, str]:
            issue = self._credentials.issue
            secret = issue(connection, "key", user.id, scopes=scopes, name=name, lifetime_s=lifetime_s, source=source)
            key = self._credentials.find(connection, secret)
            assert key  # noqa: S101 - made two lines above
            detail = {"id": key.id, "name": name, "scopes": sorted(scopes)}
            self._audit.add(connection, AuditEvent.KEY_CREATED, user_id=user.id, source=source, detail=detail)
            return key, secret

        if len(self.list(user.id)) >= MAX_API_KEYS:
            raise PermissionDenied(f"You have {MAX_API_KEYS} keys; end one that is not needed any more.")
        return write(self._engine, work)

    def list(self, user_id: int) -> list[Credential]:
        """Those that are still good, newest first."""
        return self._credentials.list(user_id, ["key"])

    def revoke(self, user_id: int, id_: int, *, source: RequestSource) -> None:
        """End one of a user's. Raises ResourceNotFound."""

        def work(connection: Connection) -> None:
            if not self._credentials.revoke(connection, user_id, id_, ["key"]):
                raise ResourceNotFound("There is no such key; it may have ended already.")
            detail = {"kind": "key", "id": id_}
            self._audit.add(connection, AuditEvent.CREDENTIAL_REVOKED, user_id=user_id, source=source, detail=detail)

        write(self._engine, work)


def _validate(user: User, name: str, scopes: Scopes) -> None:
    faults: dict[str, list[str]] = {}
    if not name or len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        faults["name"] = [f"1 to {_MAX_NAME_LENGTH} printable characters."]
    may_have = API_KEY_SCOPES & scopes_of_role(user.role)
    if not scopes or scopes - may_have:
        faults["scopes"] = [f"One or more of {', '.join(sorted(may_have))}."]
    if faults:
        raise InvalidFields(faults)
