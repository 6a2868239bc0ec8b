"""Signed id_tokens (OpenID Connect Core, section 2)."""

from typing import Any

from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from auth.credentials.lifetimes import ID_TOKEN_LIFETIME
from auth.oauth.grants import IssuedTokens
from auth.oauth.signing_keys import ALGORITHM, SigningKeys
from auth.principal import User
from auth.settings import AuthSettings, TimeSource


class IdTokens:
    def __init__(self, settings: AuthSettings, keys: SigningKeys, clock: TimeSource) -> None:
        self._issuer = settings.public_url
        self._keys = keys
        self._clock = clock

    def encode(self, issued: IssuedTokens, user: User, *, nonce: str = "") -> str:
        """The id_token for an access token."""
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": subject_of(user),
            "aud": issued.family.client_id,
            "iat": now,
            "exp": now + ID_TOKEN_LIFETIME,
            "auth_time": issued.family.authenticated_us // 1_000_000,
            "at_hash": create_half_hash(issued.access_token, ALGORITHM).decode(),
        }
        if nonce:
            claims["nonce"] = nonce
        key = self._keys.current()
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, [ALGORITHM])

    def subject(self, id_token: str) -> str | None:
        """Subject of an ``id_token_hint``, even an expired one; None unless signed with a published key."""
        keys = KeySet([RSAKey.import_key(key) for key in self._keys.public_set()["keys"]])
        try:
            claims = jwt.decode(id_token, keys, [ALGORITHM]).claims
        except (JoseError, ValueError):
            return None
        return str(claims["sub"]) if claims.get("iss") == self._issuer else None


def subject_of(user: User) -> str:
    """The ``sub`` claim, which is never reassigned, unlike usernames."""
    return str(user.id)
