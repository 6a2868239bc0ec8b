"""Grants: from authorization code to last refresh, consents, and their revocation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import Connection, Engine, delete
from sqlalchemy.exc import IntegrityError

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.lifetimes import (
    ACCESS_TOKEN_LIFETIME,
    CLIENT_CREDENTIALS_TOKEN_LIFETIME,
    CODE_LIFETIME,
    REFRESH_TOKEN_LIFETIME,
    to_microseconds,
)
from auth.database import write
from auth.errors import ResourceNotFound
from auth.oauth.authorization_request import AuthorizationRequest
from auth.oauth.client import Client
from auth.oauth.clients import lock_client
from auth.oauth.codes import AuthorizationCode, CodeStore
from auth.oauth.consents import Consent, Consents
from auth.oauth.device_assertion import DeviceAssertion
from auth.oauth.devices import Devices
from auth.oauth.token_families import TokenFamilies, TokenFamily
from auth.oauth.tokens import TokenStore
from auth.principal import Scopes
from auth.settings import TimeSource
from auth.tables import oauth_tokens
from auth.users.repository import UserRow, write_for_user

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    family: TokenFamily
    scopes: Scopes
    access_token: str
    expires_in: int
    """Seconds."""
    refresh_token: str | None


class Grants:
    """Each method is one transaction: a code or refresh token is used if and only if new tokens are issued.

    Whether a code or refresh token is a repeated one depends on when the request began, not on how long it waited for
    the database.
    """

    def __init__(self, engine: Engine, clock: TimeSource, audit: AuditLog) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self._families = TokenFamilies(clock, audit)
        self._consents = Consents(engine, clock)
        self.devices = Devices(engine, clock)
        self.codes = CodeStore(engine, clock, self._families)
        self.tokens = TokenStore(engine, clock, self._families)

    def authorize(
        self,
        code: str,
        request: AuthorizationRequest,
        user_id: int,
        authenticated_us: int,
        device_id: int | None = None,
    ) -> None:
        """Store a new code. Raises ResourceNotFound if client, user or device were deleted meanwhile."""
        source = request.request.source

        def work(connection: Connection, _row: UserRow) -> None:
            if device_id is not None and not self.devices.mark_used(connection, user_id, device_id, source):
                raise ResourceNotFound("This device has been removed. Start the sign-in again.")
            family_id = self._families.add(
                connection,
                request.client.id,
                user_id,
                request.scopes,
                lifetime_s=CODE_LIFETIME,
                nonce=request.nonce,
                authenticated_us=authenticated_us,
                device_id=device_id,
            )
            self.codes.add(connection, code, family_id, request.redirect_uri, request.code_challenge)
            self._audit.add(
                connection,
                AuditEvent.APP_AUTHORIZED,
                user_id=user_id,
                client_id=request.client.id,
                source=source,
                detail={"scopes": sorted(request.scopes)},
            )

        self._for_client(lambda: write_for_user(self._engine, user_id, work))

    def redeem(self, code: AuthorizationCode, *, refreshable: bool, source: RequestSource) -> IssuedTokens | None:
        """Tokens for a code; None if it has expired or was used before."""
        user, requested_us = code.family.user, self._now_us()
        if user is None:  # codes are issued for users only
            return None

        def work(connection: Connection, _row: UserRow) -> IssuedTokens | None:
            family = self.codes.use(connection, code.digest, requested_us=requested_us, source=source)
            if family is None:
                return None
            expires_us = to_microseconds(self._clock() + ACCESS_TOKEN_LIFETIME)
            if refreshable:
                expires_us = family.created_us + to_microseconds(REFRESH_TOKEN_LIFETIME)
            self._families.set_expiry(connection, family.id, expires_us)
            family = replace(family, expires_us=expires_us)
            self._families.limit_for_user(connection, user.id, family.client_id)
            return self._issue(connection, family, family.scopes, ACCESS_TOKEN_LIFETIME, refreshable=refreshable)

        try:
            return write_for_user(self._engine, user.id, work)
        except ResourceNotFound:  # deleted meanwhile
            return None

    def refresh(self, digest: bytes, scopes: Scopes | None, *, source: RequestSource) -> IssuedTokens | None:
        """Tokens for a refresh token, optionally with fewer scopes; None if it was used before."""
        requested_us = self._now_us()

        def work(connection: Connection) -> IssuedTokens | None:
            use = self.tokens.use_refresh_token
            family = use(connection, digest, requested_us=requested_us, source=source)
            if family is None:
                return None
            narrowed = family.scopes if scopes is None else family.scopes & scopes
            self.tokens.forget_used(connection, family.id)
            return self._issue(connection, family, narrowed, ACCESS_TOKEN_LIFETIME, refreshable=True)

        return write(self._engine, work)

    def issue_client_token(self, client: Client, scopes: Scopes) -> IssuedTokens:
        """An access token for client credentials. Raises ResourceNotFound if the client was deleted meanwhile."""

        def work(connection: Connection) -> IssuedTokens:
            lifetime_s = CLIENT_CREDENTIALS_TOKEN_LIFETIME
            lock_client(connection, client.id)
            id_ = self._families.add(connection, client.id, None, scopes, lifetime_s=lifetime_s)
            now_us = to_microseconds(self._clock())
            self._families.limit_for_client(connection, client.id)
            family = TokenFamily(id_, client.id, None, scopes, "", 0, now_us, now_us + to_microseconds(lifetime_s))
            return self._issue(connection, family, scopes, lifetime_s, refreshable=False)

        return self._for_client(lambda: write(self._engine, work))

    def consented_scopes(self, user_id: int, client_id: str) -> Scopes:
        """Empty without consent."""
        return self._consents.granted_scopes(user_id, client_id)

    def add_consent(self, user_id: int, client_id: str, scopes: Scopes) -> None:
        """Add to the scopes granted before. Raises ResourceNotFound if client or user were deleted meanwhile."""

        def work(connection: Connection, _row: UserRow) -> None:
            self._consents.add(connection, user_id, client_id, scopes)

        self._for_client(lambda: write_for_user(self._engine, user_id, work))

    def add_device(
        self, user_id: int, client_id: str, scopes: Scopes, assertion: DeviceAssertion, *, source: RequestSource
    ) -> int:
        """Add to the scopes granted before on the device that made the assertion; returns the device's id.

        Raises ResourceNotFound if client or user were deleted meanwhile.
        """

        def work(connection: Connection, _row: UserRow) -> int:
            return self.devices.add(connection, user_id, client_id, assertion, scopes, source=source)

        return self._for_client(lambda: write_for_user(self._engine, user_id, work))

    def consents(self, user_id: int) -> list[Consent]:
        """Clients that act for a user, newest first."""
        return self._consents.list(user_id)

    def revoke_consent(self, user_id: int, client_id: str, *, source: RequestSource) -> None:
        """Revoke consent, devices and tokens of a client. Raises ResourceNotFound if it has none."""

        def work(connection: Connection, _row: UserRow) -> None:
            had_consent = self._consents.delete(connection, user_id, client_id)
            devices = self.devices.delete_all(connection, user_id, client_id)
            tokens = self._families.revoke_all(connection, user_id, client_id)
            if not (had_consent or devices or tokens):
                raise ResourceNotFound("You have not authorized this application.")
            event = AuditEvent.APP_REVOKED
            self._audit.add(connection, event, user_id=user_id, client_id=client_id, source=source)

        write_for_user(self._engine, user_id, work)

    def remove_device(self, user_id: int, device_id: int, *, source: RequestSource) -> None:
        """Revoke what was authorized from a device, and require consent there again. Raises ResourceNotFound."""

        def work(connection: Connection, _row: UserRow) -> None:
            device = self.devices.delete(connection, user_id, device_id)
            if device is None:
                raise ResourceNotFound("There is no such device; it may have been removed.")
            self._families.revoke_device(connection, user_id, device_id)
            event, detail = AuditEvent.DEVICE_REMOVED, {"device": device.name}
            add = self._audit.add
            add(connection, event, user_id=user_id, client_id=device.client_id, source=source, detail=detail)

        write_for_user(self._engine, user_id, work)

    def sweep(self) -> None:
        """Delete expired and revoked grants."""

        def work(connection: Connection) -> None:
            self._families.sweep(connection)
            expired = oauth_tokens.c.expires_us <= to_microseconds(self._clock())
            connection.execute(delete(oauth_tokens).where(expired))

        write(self._engine, work)

    def _issue(
        self, connection: Connection, family: TokenFamily, scopes: Scopes, lifetime_s: int, *, refreshable: bool
    ) -> IssuedTokens:
        access_token, expires_in = self.tokens.issue_access_token(connection, family, scopes, lifetime_s)
        refresh_token = self.tokens.issue_refresh_token(connection, family) if refreshable else None
        if family.user is not None:
            self._consents.mark_used(connection, family.user.id, family.client_id)
        return IssuedTokens(family, scopes, access_token, expires_in, refresh_token)

    def _now_us(self) -> int:
        return to_microseconds(self._clock())

    def _for_client(self, transaction: Callable[[], T]) -> T:
        try:
            return transaction()
        except IntegrityError:
            raise ResourceNotFound("This application is no longer registered.") from None
