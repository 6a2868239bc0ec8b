"""Access tokens: what an application shows for some minutes."""

from sqlalchemy import Connection, Engine, insert

from auth.credentials.lifetimes import to_microseconds
from auth.credentials.secret import Prefix, digest_of, new_secret
from auth.oauth.token_families import TokenFamily, family_of, with_family
from auth.principal import Principal, Scopes, parse_scopes, render_scopes
from auth.settings import TimeSource
from auth.tables import oauth_tokens

KIND = "access"


class AccessTokens:
    def __init__(self, engine: Engine, clock: TimeSource) -> None:
        self._engine = engine
        self._clock = clock

    def issue(self, connection: Connection, family: TokenFamily, scopes: Scopes, lifetime_s: int) -> tuple[str, int]:
        """The token and how long it is good, seconds; never longer than its family."""
        now_us = to_microseconds(self._clock())
        expires_us = min(now_us + to_microseconds(lifetime_s), family.expires_us)
        token = new_secret(Prefix.ACCESS)
        values = {
            "digest": digest_of(token),
            "kind": KIND,
            "family_id": family.id,
            "scopes": render_scopes(scopes),
            "created_us": now_us,
            "expires_us": expires_us,
        }
        connection.execute(insert(oauth_tokens).values(values))
        return token, round((expires_us - now_us) / 1e6)

    def principal(self, digest: bytes) -> Principal | None:
        """Who holds the token of this digest; None where nobody does, or not any more."""
        query = with_family(oauth_tokens)
        query = query.where(oauth_tokens.c.digest == digest, oauth_tokens.c.kind == KIND)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        now_us = to_microseconds(self._clock())
        if row is None or row.revoked_us is not None or row.expires_us <= now_us:
            return None
        family = family_of(row, now_us)
        if family is None:
            return None
        scopes = parse_scopes(row.scopes) & family.scopes
        return Principal("access", family.user, family.client_id, scopes, family.id, row.expires_us)
