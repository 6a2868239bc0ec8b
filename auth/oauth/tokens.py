"""Access and refresh tokens. A refresh token is exchanged once; later reuse means that it was copied."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from auth.audit import RequestSource
from auth.credentials.lifetimes import REFRESH_TOKEN_GRACE, to_microseconds
from auth.credentials.secret import Prefix, digest_of, new_secret
from auth.database import write
from auth.oauth.client import Client
from auth.oauth.token_families import TokenFamilies, TokenFamily, family_of, with_family
from auth.principal import Principal, Scopes, parse_scopes, render_scopes
from auth.settings import TimeSource
from auth.tables import oauth_tokens

MAX_USED_REFRESH_TOKENS: Final = 100
"""Of one family. Reuse of an older one is rejected, too, but does not end the family."""
_KINDS: Final = {Prefix.ACCESS: "access", Prefix.REFRESH: "refresh"}


@dataclass(frozen=True, slots=True)
class Token:
    """A known token, perhaps inactive. Has the methods of Authlib's ``TokenMixin``."""

    digest: bytes
    is_access: bool
    """Otherwise it is a refresh token."""
    is_active: bool
    """Neither used, revoked nor expired."""
    family: TokenFamily
    scopes: Scopes
    created_us: int
    expires_us: int

    def check_client(self, client: Client) -> bool:
        return self.family.client_id == client.id

    def get_scope(self) -> str:
        return render_scopes(self.family.scopes)

    def is_expired(self) -> bool:
        return not self.is_active

    def is_revoked(self) -> bool:
        return not self.is_active


class TokenStore:
    """Methods with a ``connection`` are part of the caller's transaction."""

    def __init__(self, engine: Engine, clock: TimeSource, families: TokenFamilies) -> None:
        self._engine = engine
        self._clock = clock
        self._families = families

    def issue_access_token(
        self, connection: Connection, family: TokenFamily, scopes: Scopes, lifetime_s: int
    ) -> tuple[str, int]:
        """The token and its lifetime in seconds, which ends with the family at the latest."""
        now_us = self._now_us()
        expires_us = min(now_us + to_microseconds(lifetime_s), family.expires_us)
        token = self._insert(connection, Prefix.ACCESS, family, scopes, expires_us)
        return token, round((expires_us - now_us) / 1e6)

    def issue_refresh_token(self, connection: Connection, family: TokenFamily) -> str:
        """Expires with the family, however often it is exchanged."""
        return self._insert(connection, Prefix.REFRESH, family, family.scopes, family.expires_us)

    def find(self, token: str) -> Token | None:
        """None if unknown, or if its family has ended."""
        return self._find(digest_of(token))

    def principal(self, digest: bytes) -> Principal | None:
        """The principal of an active access token."""
        token = self._find(digest)
        if token is None or not token.is_access or not token.is_active:
            return None
        family = token.family
        return Principal("access", family.user, family.client_id, token.scopes, family.id, token.expires_us)

    def use_refresh_token(
        self, connection: Connection, digest: bytes, *, requested_us: int, source: RequestSource
    ) -> TokenFamily | None:
        """Mark a refresh token as used. None if it was used before.

        If the request began within the grace period, that is a repeated one. Later it is a copy, and the family ends.
        """
        now_us = self._now_us()
        is_token = oauth_tokens.c.digest == digest
        unused = is_token & oauth_tokens.c.used_us.is_(None)
        was_unused = connection.execute(update(oauth_tokens).where(unused).values(used_us=now_us)).rowcount == 1
        row = connection.execute(with_family(oauth_tokens).where(is_token)).one_or_none()
        if row is None:
            return None
        if not was_unused and row.used_us + to_microseconds(REFRESH_TOKEN_GRACE) <= requested_us:
            self._families.revoke_reused(connection, row, "refresh token", source)
        return family_of(row, now_us) if was_unused else None

    def forget_used(self, connection: Connection, family_id: int) -> None:
        """Delete the oldest used refresh tokens of a family: a client may refresh as often as it likes."""
        tokens = oauth_tokens.c
        used = select(tokens.digest).where(tokens.family_id == family_id, tokens.used_us.is_not(None))
        if surplus := connection.scalars(used.order_by(tokens.used_us.desc()).offset(MAX_USED_REFRESH_TOKENS)).all():
            connection.execute(delete(oauth_tokens).where(tokens.digest.in_(surplus)))

    def revoke(self, token: Token) -> None:
        """Revoke an access token, or the whole family of a refresh token."""

        def work(connection: Connection) -> None:
            if token.is_access:
                is_token = oauth_tokens.c.digest == token.digest
                connection.execute(update(oauth_tokens).where(is_token).values(revoked_us=self._now_us()))
            else:
                self._families.revoke(connection, token.family.id)

        write(self._engine, work)

    def _insert(
        self, connection: Connection, prefix: Prefix, family: TokenFamily, scopes: Scopes, expires_us: int
    ) -> str:
        token = new_secret(prefix)
        values = {
            "digest": digest_of(token),
            "kind": _KINDS[prefix],
            "family_id": family.id,
            "scopes": render_scopes(scopes),
            "created_us": self._now_us(),
            "expires_us": expires_us,
        }
        connection.execute(insert(oauth_tokens).values(values))
        return token

    def _find(self, digest: bytes) -> Token | None:
        with self._engine.connect() as connection:
            row = connection.execute(with_family(oauth_tokens).where(oauth_tokens.c.digest == digest)).one_or_none()
        now_us = self._now_us()
        family = family_of(row, now_us) if row else None
        if row is None or family is None:
            return None
        is_active = row.used_us is None and row.revoked_us is None and row.expires_us > now_us
        scopes = parse_scopes(row.scopes) & family.scopes
        return Token(
            row.digest, row.kind == _KINDS[Prefix.ACCESS], is_active, family, scopes, row.created_us, row.expires_us
        )

    def _now_us(self) -> int:
        return to_microseconds(self._clock())
