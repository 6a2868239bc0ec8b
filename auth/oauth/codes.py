"""Authorization codes: once, within a minute, for who knows the verifier."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, update

from auth.audit import RequestSource
from auth.credentials.lifetimes import CODE_LIFETIME, to_microseconds
from auth.credentials.secret import digest_of
from auth.oauth.token_families import TokenFamilies, TokenFamily, family_of, with_family
from auth.settings import TimeSource
from auth.tables import oauth_codes


@dataclass(frozen=True, slots=True)
class Code:
    """One that is known; it may have been used, or be too old."""

    digest: bytes
    family: TokenFamily
    redirect_uri: str
    challenge: str
    """The S256 of PKCE."""


class Codes:
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

    def find(self, code: str, client_id: str) -> Code | None:
        """None where it is another application's, or its family has ended."""
        query = with_family(oauth_codes)
        with self._engine.connect() as connection:
            row = connection.execute(query.where(oauth_codes.c.digest == digest_of(code))).one_or_none()
        family = family_of(row, to_microseconds(self._clock())) if row else None
        if row is None or family is None or family.client_id != client_id:
            return None
        return Code(row.digest, family, row.redirect_uri, row.challenge)

    def use(self, connection: Connection, digest: bytes, source: RequestSource) -> TokenFamily | None:
        """Use it up, and get its family; None where it is too old, or was used, which ends the family."""
        now_us = to_microseconds(self._clock())
        mine = oauth_codes.c.digest == digest
        good = mine & oauth_codes.c.used_us.is_(None) & (oauth_codes.c.expires_us > now_us)
        was_good = connection.execute(update(oauth_codes).where(good).values(used_us=now_us)).rowcount == 1
        query = with_family(oauth_codes).where(mine)
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if not was_good and row.used_us is not None:
            self._families.end_reused(connection, row, "code", source)
        return family_of(row, now_us) if was_good else None
