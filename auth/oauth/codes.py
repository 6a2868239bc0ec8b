"""Authorization codes: valid once, for one minute, together with the PKCE verifier."""

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Connection, Engine, insert, update

from auth.audit import RequestSource
from auth.credentials.lifetimes import CODE_GRACE, CODE_LIFETIME, to_microseconds
from auth.credentials.secret import digest_of
from auth.oauth.token_families import TokenFamilies, TokenFamily, family_of, with_family
from auth.principal import render_scopes
from auth.settings import TimeSource
from auth.tables import oauth_codes


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A known code, perhaps used or expired. Has the members of Authlib's ``AuthorizationCodeMixin``."""

    digest: bytes
    family: TokenFamily
    redirect_uri: str
    code_challenge: str
    code_challenge_method: ClassVar[str] = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return render_scopes(self.family.scopes)


class CodeStore:
    """Methods with a ``connection`` are part of the caller's transaction."""

    def __init__(self, engine: Engine, clock: TimeSource, families: TokenFamilies) -> None:
        self._engine = engine
        self._clock = clock
        self._families = families

    def add(self, connection: Connection, code: str, family_id: int, redirect_uri: str, challenge: str) -> None:
        values = {
            "digest": digest_of(code),
            "family_id": family_id,
            "redirect_uri": redirect_uri,
            "challenge": challenge,
            "expires_us": to_microseconds(self._clock() + CODE_LIFETIME),
        }
        connection.execute(insert(oauth_codes).values(values))

    def find(self, code: str, client_id: str) -> AuthorizationCode | None:
        """None if unknown, issued to another client, or if its family has ended."""
        query = with_family(oauth_codes)
        with self._engine.connect() as connection:
            row = connection.execute(query.where(oauth_codes.c.digest == digest_of(code))).one_or_none()
        family = family_of(row, to_microseconds(self._clock())) if row else None
        if row is None or family is None or family.client_id != client_id:
            return None
        return AuthorizationCode(row.digest, family, row.redirect_uri, row.challenge)

    def use(
        self, connection: Connection, digest: bytes, *, requested_us: int, source: RequestSource
    ) -> TokenFamily | None:
        """Mark a code as used. None if it has expired or was used before.

        If the request began within the grace period, that is a repeated one. Later it is a copy, and the family ends.
        """
        now_us = to_microseconds(self._clock())
        is_code = oauth_codes.c.digest == digest
        valid = is_code & oauth_codes.c.used_us.is_(None) & (oauth_codes.c.expires_us > now_us)
        was_valid = connection.execute(update(oauth_codes).where(valid).values(used_us=now_us)).rowcount == 1
        row = connection.execute(with_family(oauth_codes).where(is_code)).one_or_none()
        if row is None:
            return None
        if not was_valid and row.used_us is not None and row.used_us + to_microseconds(CODE_GRACE) <= requested_us:
            self._families.revoke_reused(connection, row, "code", source)
        return family_of(row, now_us) if was_valid else None
