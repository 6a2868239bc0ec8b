"""Tokens of either kind, as applications ask about them and give them back."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, update

from auth.credentials.lifetimes import to_microseconds
from auth.credentials.secret import digest_of
from auth.database import write
from auth.oauth.access_tokens import KIND as ACCESS
from auth.oauth.token_families import TokenFamilies, TokenFamily, family_of, with_family
from auth.principal import Scopes, parse_scopes
from auth.settings import TimeSource
from auth.tables import oauth_tokens


@dataclass(frozen=True, slots=True)
class Token:
    digest: bytes
    is_access: bool
    """Otherwise it is a refresh token."""
    is_active: bool
    """It would be taken now."""
    family: TokenFamily
    scopes: Scopes
    created_us: int
    expires_us: int


class Tokens:
    def __init__(self, engine: Engine, clock: TimeSource, families: TokenFamilies) -> None:
        self._engine = engine
        self._clock = clock
        self._families = families

    def find(self, token: str) -> Token | None:
        """None for one that is not known, or whose family has ended."""
        query = with_family(oauth_tokens)
        with self._engine.connect() as connection:
            row = connection.execute(query.where(oauth_tokens.c.digest == digest_of(token))).one_or_none()
        now_us = to_microseconds(self._clock())
        family = family_of(row, now_us) if row else None
        if row is None or family is None:
            return None
        is_active = row.used_us is None and row.revoked_us is None and row.expires_us > now_us
        scopes = parse_scopes(row.scopes) & family.scopes
        return Token(row.digest, row.kind == ACCESS, is_active, family, scopes, row.created_us, row.expires_us)

    def revoke(self, token: Token) -> None:
        """An access token ends alone, a refresh token with its family."""

        def work(connection: Connection) -> None:
            if token.is_access:
                now_us = to_microseconds(self._clock())
                mine = oauth_tokens.c.digest == token.digest
                connection.execute(update(oauth_tokens).where(mine).values(revoked_us=now_us))
            else:
                self._families.end(connection, token.family.id)

        write(self._engine, work)
