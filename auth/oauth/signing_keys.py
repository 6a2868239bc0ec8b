"""Signing keys of id_tokens: created on first use and rotated every 90 days.

A new key is published immediately, but signs only once all cached copies of the key set have expired. An old key stays
published until everything that it signed has expired.
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
_BITS: Final = 2048
ROTATION_INTERVAL: Final = 90 * DAY
_PUBLICATION_LEAD: Final = 10 * MINUTE
"""Time between the publication of a key and its first signature."""
JWKS_MAX_AGE: Final = 5 * MINUTE
"""How long clients may cache the key set."""
KEY_CACHE_TTL: Final = 30
"""How long a replica may not know a new key."""
CLOCK_SKEW: Final = MINUTE
"""Maximum difference between the clocks of replicas."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """``sealed``: the encrypted private key; ``retired_us``: when its publication ends."""

    generation: int
    id: str
    sealed: str
    public: dict[str, Any]
    created_us: int
    signs_from_us: int
    retired_us: int | None


class SigningKeys:
    """Shared by all replicas through the database. If several create a key at once, one wins."""

    def __init__(self, engine: Engine, clock: TimeSource, settings: AuthSettings, audit: AuditLog) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit
        fernets = [Fernet(base64.urlsafe_b64encode(key)) for key in settings.keys("signing-keys")]
        self._newest_fernet = fernets[0]
        self._fernet = MultiFernet(fernets)
        self._cached: list[SigningKey] = []
        self._read_at = float("-inf")
        self._decrypted: dict[str, RSAKey] = {}

    def current(self) -> RSAKey:
        """The private key that signs now."""
        while True:
            keys = self._keys()
            now_us = to_microseconds(self._clock())
            for key in keys:
                if key.signs_from_us <= now_us and (private := self._decrypt(key)):
                    return private
            # There is no key yet, or none that can be decrypted: the new one has to sign immediately.
            self._create(after=keys, delay_s=0)

    def public_set(self) -> dict[str, Any]:
        """The published keys as a JWK set (RFC 7517); at least one."""
        self.current()
        now_us = to_microseconds(self._clock())
        return {"keys": [key.public for key in self._keys() if key.retired_us is None or key.retired_us > now_us]}

    def list_keys(self) -> list[SigningKey]:
        """All keys, newest first."""
        return self._read()

    def rotate(self) -> str:
        """Create the next key and return its id. It signs after ten minutes, the first key immediately."""
        keys = self._read()
        self._create(after=keys, delay_s=_PUBLICATION_LEAD if keys else 0)
        return self._keys()[0].id

    def sweep(self) -> None:
        """Rotate if due, delete retired keys, and re-encrypt with the newest secret key."""
        keys = self._read()
        now_us = to_microseconds(self._clock())
        if keys and keys[0].created_us + to_microseconds(ROTATION_INTERVAL) <= now_us:
            self._create(after=keys, delay_s=_PUBLICATION_LEAD)
        retired = delete(signing_keys).where(_columns.retired_us <= now_us)
        write(self._engine, lambda connection: connection.execute(retired))
        for key in self._read():
            self._reencrypt(key)

    def _keys(self) -> list[SigningKey]:
        """Newest first, cached."""
        if not self._cached or self._clock() >= self._read_at + KEY_CACHE_TTL:
            return self._read()
        return self._cached

    def _read(self) -> list[SigningKey]:
        read_at = self._clock()
        query = select(signing_keys).order_by(_columns.generation.desc())
        with self._engine.connect() as connection:
            self._cached = [SigningKey(**row._mapping) for row in connection.execute(query)]
        self._read_at = read_at
        return self._cached

    def _create(self, *, after: list[SigningKey], delay_s: int) -> None:
        private = generate_private_key()
        now_us = to_microseconds(self._clock())
        signs_from_us = now_us + to_microseconds(delay_s)
        generation = after[0].generation + 1 if after else 1
        values = {
            "generation": generation,
            "id": private.kid,
            "sealed": self._newest_fernet.encrypt(private.as_pem(private=True)).decode(),
            "public": private.as_dict(private=False),
            "created_us": now_us,
            "signs_from_us": signs_from_us,
        }
        retired_us = signs_from_us + to_microseconds(CLOCK_SKEW + ID_TOKEN_LIFETIME + JWKS_MAX_AGE)

        def work(connection: Connection) -> None:
            connection.execute(insert(signing_keys).values(values))
            older = (_columns.generation < generation) & _columns.retired_us.is_(None)
            connection.execute(update(signing_keys).where(older).values(retired_us=retired_us))
            detail = {"key": private.kid}
            self._audit.add(connection, AuditEvent.SIGNING_KEY_ROTATED, user_id=None, detail=detail)

        with contextlib.suppress(IntegrityError):  # another replica was faster; use its key
            write(self._engine, work)
        self._read()

    def _decrypt(self, key: SigningKey) -> RSAKey | None:
        """None if no configured secret key encrypted it."""
        if key.id not in self._decrypted:
            try:
                pem = self._fernet.decrypt(key.sealed)
            except InvalidToken:
                return None
            self._decrypted[key.id] = RSAKey.import_key(pem, {"kid": key.id, "use": "sig", "alg": ALGORITHM})
        return self._decrypted[key.id]

    def _reencrypt(self, key: SigningKey) -> None:
        """With the newest secret key, so that older ones can be removed from the settings."""
        try:
            self._newest_fernet.decrypt(key.sealed)
        except InvalidToken:
            if self._decrypt(key) is None:
                return
            sealed = self._fernet.rotate(key.sealed).decode()
            which = _columns.generation == key.generation
            statement = update(signing_keys).where(which).values(sealed=sealed)
            write(self._engine, lambda connection: connection.execute(statement))


def generate_private_key() -> RSAKey:
    return RSAKey.generate_key(_BITS, {"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True)


_columns = signing_keys.c
