"""Refresh tokens: each is exchanged once, for its successor. One that comes again was copied."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, update

from auth.audit import RequestSource
from auth.credentials.lifetimes import REFRESH_TOKEN_GRACE, to_microseconds
from auth.credentials.secret import Prefix, digest_of, new_secret
from auth.oauth.token_families import TokenFamilies, TokenFamily, family_of, with_family
from auth.principal import render_scopes
from auth.settings import TimeSource
from auth.tables import oauth_tokens

KIND = "refresh"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One that is known; it may have been used."""

    digest: bytes
    family: TokenFamily


class RefreshTokens:
    def __init__(self, engine: Engine, clock: TimeSource, families: TokenFamilies) -> None:
        self._engine = engine
        self._clock = clock
        self._families = families

    def issue(self, connection: Connection, family: TokenFamily) -> str:
        """Good as long as the family, however often it is exchanged."""
        token = new_secret(Prefix.REFRESH)
        values = {
            "digest": digest_of(token),
            "kind": KIND,
            "family_id": family.id,
            "scopes": render_scopes(family.scopes),
            "created_us": to_microseconds(self._clock()),
            "expires_us": family.expires_us,
        }
        connection.execute(insert(oauth_tokens).values(values))
        return token

    def find(self, token: str, client_id: str) -> RefreshToken | None:
        """None where it is another application's, or its family has ended."""
        query = with_family(oauth_tokens)
        query = query.where(oauth_tokens.c.digest == digest_of(token), oauth_tokens.c.kind == KIND)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        family = family_of(row, to_microseconds(self._clock())) if row else None
        if row is None or family is None or family.client_id != client_id:
            return None
        return RefreshToken(row.digest, family)

    def use(self, connection: Connection, digest: bytes, source: RequestSource) -> TokenFamily | None:
        """Use it up, and get its family; None where it was used.

        Within some seconds that is taken for a request sent twice. Later somebody has a copy, and the family ends.
        """
        now_us = to_microseconds(self._clock())
        mine = oauth_tokens.c.digest == digest
        unused = mine & oauth_tokens.c.used_us.is_(None)
        was_unused = connection.execute(update(oauth_tokens).where(unused).values(used_us=now_us)).rowcount == 1
        query = with_family(oauth_tokens).where(mine)
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if not was_unused and row.used_us + to_microseconds(REFRESH_TOKEN_GRACE) <= now_us:
            self._families.end_reused(connection, row, "refresh token", source)
        return family_of(row, now_us) if was_unused else None
