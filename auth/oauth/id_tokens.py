"""id_tokens (OpenID Connect): who signed in, when, for which application; signed, for some minutes."""

import base64
import hashlib
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from auth.credentials.lifetimes import ID_TOKEN_LIFETIME
from auth.oauth.grants import Issued
from auth.oauth.signing_keys import ALGORITHM, SigningKeys
from auth.principal import User
from auth.settings import AuthSettings, TimeSource


class IdTokens:
    def __init__(self, settings: AuthSettings, keys: SigningKeys, clock: TimeSource) -> None:
        self._issuer = settings.public_url
        self._keys = keys
        self._clock = clock

    def encode(self, issued: Issued, user: User, *, nonce: str = "") -> str:
        """The id_token that goes with an access token."""
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": subject_of(user),
            "aud": issued.family.client_id,
            "iat": now,
            "exp": now + ID_TOKEN_LIFETIME,
            "auth_time": issued.family.authenticated_us // 1_000_000,
            "at_hash": _half_hash(issued.access_token),
        }
        if nonce:
            claims["nonce"] = nonce
        key = self._keys.current()
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, [ALGORITHM])

    def subject(self, id_token: str) -> str | None:
        """Whom one of ours is about, however old it is; None for what is not, or not any more known to be, ours."""
        keys = KeySet([RSAKey.import_key(key) for key in self._keys.public_set()["keys"]])
        try:
            claims = jwt.decode(id_token, keys, [ALGORITHM]).claims
        except (JoseError, ValueError):
            return None
        return str(claims["sub"]) if claims.get("iss") == self._issuer else None


def subject_of(user: User) -> str:
    """What applications know a user by: never given twice, unlike names."""
    return str(user.id)


def _half_hash(access_token: str) -> str:
    """``at_hash``: the left half of the token's SHA-256, without padding."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()
