"""What users and applications are granted, from the code to the last refresh; and how it is taken back."""

from dataclasses import dataclass, replace

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
from auth.oauth.access_tokens import AccessTokens
from auth.oauth.authorization_request import AuthorizationRequest
from auth.oauth.client import Client
from auth.oauth.codes import Codes
from auth.oauth.consents import Consent, Consents
from auth.oauth.refresh_tokens import RefreshTokens
from auth.oauth.token_families import TokenFamilies, TokenFamily
from auth.oauth.tokens import Tokens
from auth.principal import Principal, Scopes
from auth.settings import TimeSource
from auth.tables import oauth_tokens


@dataclass(frozen=True, slots=True)
class Issued:
    """What an application gets at the token endpoint."""

    family: TokenFamily
    scopes: Scopes
    access_token: str
    expires_in: int
    """Seconds."""
    refresh_token: str | None


class Grants:
    """Each step is one transaction: what is used up and what is had for it are there together, or neither."""

    def __init__(self, engine: Engine, clock: TimeSource, audit: AuditLog) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self._families = TokenFamilies(clock, audit)
        self._access_tokens = AccessTokens(engine, clock)
        self._consents = Consents(engine, clock)
        self.codes = Codes(engine, clock, self._families)
        self.refresh_tokens = RefreshTokens(engine, clock, self._families)
        self.tokens = Tokens(engine, clock, self._families)

    def principal(self, digest: bytes) -> Principal | None:
        """Who holds the access token of this digest."""
        return self._access_tokens.principal(digest)

    def authorize(self, code: str, asked: AuthorizationRequest, user_id: int, authenticated_us: int) -> None:
        """Let the code be redeemed for a minute. Raises ResourceNotFound where application or user just went."""

        def work(connection: Connection) -> None:
            family_id = self._families.begin(
                connection,
                asked.client.id,
                user_id,
                asked.scopes,
                lifetime_s=CODE_LIFETIME,
                nonce=asked.nonce,
                authenticated_us=authenticated_us,
            )
            self.codes.add(connection, code, family_id, asked.redirect_uri, asked.challenge)
            self._audit.add(
                connection,
                AuditEvent.APP_AUTHORIZED,
                user_id=user_id,
                client_id=asked.client.id,
                source=asked.message.source,
                detail={"scopes": sorted(asked.scopes)},
            )

        try:
            write(self._engine, work)
        except IntegrityError:
            raise ResourceNotFound("This application is not registered any more.") from None

    def redeem(self, digest: bytes, *, refreshable: bool, source: RequestSource) -> Issued | None:
        """Tokens for a code; None where it is too old or was used."""

        def work(connection: Connection) -> Issued | None:
            family = self.codes.use(connection, digest, source)
            if family is None:
                return None
            now_us = to_microseconds(self._clock())
            expires_us = (
                family.created_us + to_microseconds(REFRESH_TOKEN_LIFETIME)
                if refreshable
                else now_us + to_microseconds(ACCESS_TOKEN_LIFETIME)
            )
            self._families.live_until(connection, family.id, expires_us)
            family = replace(family, expires_us=expires_us)
            return self._issue(connection, family, family.scopes, ACCESS_TOKEN_LIFETIME, refreshable=refreshable)

        return write(self._engine, work)

    def refresh(self, digest: bytes, scopes: Scopes | None, *, source: RequestSource) -> Issued | None:
        """Tokens for a refresh token, of fewer scopes if some are named; None where it was used."""

        def work(connection: Connection) -> Issued | None:
            family = self.refresh_tokens.use(connection, digest, source)
            if family is None:
                return None
            narrowed = family.scopes if scopes is None else family.scopes & scopes
            return self._issue(connection, family, narrowed, ACCESS_TOKEN_LIFETIME, refreshable=True)

        return write(self._engine, work)

    def issue_to(self, client: Client, scopes: Scopes) -> Issued:
        """A token for an application on its own. Raises ResourceNotFound where it just went."""

        def work(connection: Connection) -> Issued:
            lifetime_s = CLIENT_CREDENTIALS_TOKEN_LIFETIME
            id_ = self._families.begin(connection, client.id, None, scopes, lifetime_s=lifetime_s)
            now_us = to_microseconds(self._clock())
            family = TokenFamily(id_, client.id, None, scopes, "", 0, now_us, now_us + to_microseconds(lifetime_s))
            return self._issue(connection, family, scopes, lifetime_s, refreshable=False)

        try:
            return write(self._engine, work)
        except IntegrityError:
            raise ResourceNotFound("This application is not registered any more.") from None

    def consented(self, user_id: int, client_id: str) -> Scopes:
        """What a user lets an application do; empty where they were never asked."""
        return self._consents.scopes(user_id, client_id)

    def consent(self, user_id: int, client_id: str, scopes: Scopes) -> None:
        """Remember what a user lets an application do, besides what they let it do before."""
        write(self._engine, lambda connection: self._consents.give(connection, user_id, client_id, scopes))

    def consents(self, user_id: int) -> list[Consent]:
        """The applications a user lets do something, newest first."""
        return self._consents.list(user_id)

    def revoke_consent(self, user_id: int, client_id: str, *, source: RequestSource) -> bool:
        """End what an application has of a user; it has to ask again. False where it had nothing."""

        def work(connection: Connection) -> bool:
            had_consent = self._consents.take_back(connection, user_id, client_id)
            had_tokens = self._families.end_user(connection, user_id, client_id) > 0
            if had_consent or had_tokens:
                add = self._audit.add
                add(connection, AuditEvent.APP_REVOKED, user_id=user_id, client_id=client_id, source=source)
            return had_consent or had_tokens

        return write(self._engine, work)

    def end_user(self, connection: Connection, user_id: int) -> int:
        """End all that applications have of a user; what they may ask for is remembered."""
        return self._families.end_user(connection, user_id)

    def sweep(self) -> None:
        """Delete what has ended."""

        def work(connection: Connection) -> None:
            self._families.sweep(connection)
            ended = oauth_tokens.c.expires_us <= to_microseconds(self._clock())
            connection.execute(delete(oauth_tokens).where(ended))

        write(self._engine, work)

    def _issue(
        self, connection: Connection, family: TokenFamily, scopes: Scopes, lifetime_s: int, *, refreshable: bool
    ) -> Issued:
        access_token, expires_in = self._access_tokens.issue(connection, family, scopes, lifetime_s)
        refresh_token = self.refresh_tokens.issue(connection, family) if refreshable else None
        if family.user is not None:
            self._consents.seen(connection, family.user.id, family.client_id)
        return Issued(family, scopes, access_token, expires_in, refresh_token)
