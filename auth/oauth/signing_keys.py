"""The keys of id_tokens: made when first needed, changed every 90 days, and nobody notices.

A new key is published at once but signs only when every copy of the published ones has it. An old one stays published
until nothing that it signed is good any more.
"""

import base64
import contextlib
from dataclasses import dataclass
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from joserfc.jwk import RSAKey
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.audit import AuditEvent, AuditLog
from auth.credentials.lifetimes import DAY, ID_TOKEN_LIFETIME, MINUTE, to_microseconds
from auth.database import write
from auth.settings import AuthSettings, TimeSource
from auth.tables import signing_keys

ALGORITHM: Final = "RS256"
BITS: Final = 2048
ROTATED_EVERY: Final = 90 * DAY
PUBLISHED_BEFORE: Final = 10 * MINUTE
"""A key is, by so long, before it signs."""
CACHED: Final = 5 * MINUTE
"""For so long applications may keep what is published."""
READ_EVERY: Final = 30
"""After so many seconds every replica knows of a new key."""
SKEW: Final = MINUTE
"""By no more do the clocks of replicas differ."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """``retired_us``: from when it is not published any more."""

    generation: int
    id: str
    sealed: str
    public: dict[str, Any]
    created_us: int
    signs_from_us: int
    retired_us: int | None


class SigningKeys:
    """Of replicas that make a key at once, one does, and the others take it."""

    def __init__(self, engine: Engine, clock: TimeSource, settings: AuthSettings, audit: AuditLog) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit
        fernets = [Fernet(base64.urlsafe_b64encode(key)) for key in settings.keys("signing-keys")]
        self._newest_seal = fernets[0]
        self._seals = MultiFernet(fernets)
        self._known: list[SigningKey] = []
        self._read_at = float("-inf")
        self._opened: dict[str, RSAKey] = {}

    def current(self) -> RSAKey:
        """The private key to sign with now."""
        while True:
            keys = self._keys()
            now_us = to_microseconds(self._clock())
            for key in keys:
                if key.signs_from_us <= now_us and (private := self._open(key)):
                    return private
            # There is none, or none that a secret key of the settings opens: the next cannot wait to be known.
            self._make(after=keys, signs_in_s=0)

    def public_set(self) -> dict[str, Any]:
        """Every published key, as RFC 7517 has it; one at least."""
        self.current()
        now_us = to_microseconds(self._clock())
        return {"keys": [key.public for key in self._keys() if key.retired_us is None or key.retired_us > now_us]}

    def kept(self) -> list[SigningKey]:
        """All there are, the newest first."""
        return self._read()

    def rotate(self) -> str:
        """Make the next key, and get its id. It signs in ten minutes, the very first at once."""
        keys = self._read()
        self._make(after=keys, signs_in_s=PUBLISHED_BEFORE if keys else 0)
        return self._keys()[0].id

    def sweep(self) -> None:
        """Rotate if it is time, delete what is retired, seal anew what an older secret key sealed."""
        keys = self._read()
        now_us = to_microseconds(self._clock())
        if keys and keys[0].created_us + to_microseconds(ROTATED_EVERY) <= now_us:
            self._make(after=keys, signs_in_s=PUBLISHED_BEFORE)
        write(
            self._engine, lambda connection: connection.execute(delete(signing_keys).where(_keys.retired_us <= now_us))
        )
        for key in self._read():
            self._seal_anew(key)

    def _keys(self) -> list[SigningKey]:
        """The newest first; those of some seconds ago."""
        if not self._known or self._clock() >= self._read_at + READ_EVERY:
            return self._read()
        return self._known

    def _read(self) -> list[SigningKey]:
        read_at = self._clock()
        query = select(signing_keys).order_by(_keys.generation.desc())
        with self._engine.connect() as connection:
            self._known = [SigningKey(**row._mapping) for row in connection.execute(query)]
        self._read_at = read_at
        return self._known

    def _make(self, *, after: list[SigningKey], signs_in_s: int) -> None:
        private = RSAKey.generate_key(BITS, {"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True)
        now_us = to_microseconds(self._clock())
        signs_from_us = now_us + to_microseconds(signs_in_s)
        generation = after[0].generation + 1 if after else 1
        values = {
            "generation": generation,
            "id": private.kid,
            "sealed": self._newest_seal.encrypt(private.as_pem(private=True)).decode(),
            "public": private.as_dict(private=False),
            "created_us": now_us,
            "signs_from_us": signs_from_us,
        }
        retired_us = signs_from_us + to_microseconds(SKEW + ID_TOKEN_LIFETIME + CACHED)

        def work(connection: Connection) -> None:
            connection.execute(insert(signing_keys).values(values))
            older = (_keys.generation < generation) & _keys.retired_us.is_(None)
            connection.execute(update(signing_keys).where(older).values(retired_us=retired_us))
            detail = {"key": private.kid}
            self._audit.add(connection, AuditEvent.SIGNING_KEY_ROTATED, user_id=None, detail=detail)

        with contextlib.suppress(IntegrityError):  # another replica was faster: its key is the one
            write(self._engine, work)
        self._read()

    def _open(self, key: SigningKey) -> RSAKey | None:
        """None where no secret key of the settings sealed it."""
        if key.id not in self._opened:
            try:
                pem = self._seals.decrypt(key.sealed)
            except InvalidToken:
                return None
            self._opened[key.id] = RSAKey.import_key(pem, {"kid": key.id, "use": "sig", "alg": ALGORITHM})
        return self._opened[key.id]

    def _seal_anew(self, key: SigningKey) -> None:
        """So that an older secret key can be taken out of the settings."""
        try:
            self._newest_seal.decrypt(key.sealed)
        except InvalidToken:
            if self._open(key) is None:
                return
            sealed = self._seals.rotate(key.sealed).decode()
            which = _keys.generation == key.generation
            statement = update(signing_keys).where(which).values(sealed=sealed)
            write(self._engine, lambda connection: connection.execute(statement))


_keys = signing_keys.c
