"""The id_token of an OpenID Connect provider: signed by it, for us, now, and for this very sign-in."""

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from joserfc.errors import ClaimError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from joserfc.jwt import JWTClaimsRegistry

from auth.errors import InvalidProviderResponse
from auth.external.metadata import LIFE_S, Metadata
from auth.external.outbound import Outbound
from auth.settings import TimeSource

LEEWAY_S: Final = 60
"""How far a provider's clock may be from ours."""
MOST_KEYS: Final = 100


class IdTokens:
    """Those of one issuer for one client, checked with keys that are kept for an hour."""

    def __init__(
        self, issuer: str, client_id: str, outbound: Outbound, clock: TimeSource, monotonic: TimeSource
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._outbound = outbound
        self._clock = clock
        self._monotonic = monotonic
        self._keys: tuple[float, list[Key]] | None = None

    async def claims(self, token: object, nonce: str, metadata: Metadata) -> dict[str, Any]:
        """The token's claims. Raises InvalidProviderResponse if untrustworthy, ProviderUnavailable without keys."""
        if not isinstance(token, str) or not token.isascii():
            raise InvalidProviderResponse("The provider did not say who signed in: it sent no id_token.")
        claims = None
        if self._keys and self._monotonic() - self._keys[0] < LIFE_S:
            claims = verified(token, self._keys[1], metadata.algorithms)
        if claims is None:  # signed with a key that was not there yet, or by somebody else
            claims = verified(token, await self._fetched_keys(metadata.jwks_uri), metadata.algorithms)
        if claims is None:
            raise InvalidProviderResponse("The provider's id_token is not signed with a key of the provider's.")
        self._check(claims, nonce)
        return claims

    async def _fetched_keys(self, jwks_uri: str) -> list[Key]:
        now = self._monotonic()
        reply = await self._outbound.get(jwks_uri)
        listed = reply.expected().mapping().get("keys")
        keys = list(readable_keys(listed[:MOST_KEYS] if isinstance(listed, list) else []))
        self._keys = now, keys
        return keys

    def _check(self, claims: dict[str, Any], nonce: str) -> None:
        """As OpenID Connect Core, 3.1.3.7."""
        registry = JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(claims)
        except ClaimError as error:
            raise InvalidProviderResponse(
                f"The provider's id_token cannot be trusted ({error.error}: {error.claim})."
            ) from None
        audience = claims["aud"]
        shared = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if shared else self._client_id) != self._client_id:
            raise InvalidProviderResponse("The provider's id_token was made for another application.")


def readable_keys(listed: Iterable[object]) -> Iterator[Key]:
    """The public keys among them that can sign a token; of other kinds there may be some, too (RFC 7517, 5)."""
    for value in listed:
        if isinstance(value, dict) and value.get("kty") in {"RSA", "EC"}:
            with contextlib.suppress(Exception):  # whatever a broken one makes the library raise, it is none
                yield JWKRegistry.import_key(value)


def verified(token: str, keys: Iterable[Key], algorithms: Collection[str]) -> dict[str, Any] | None:
    """The claims of a token that one of the keys has signed; None if none has."""
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    with contextlib.suppress(Exception):  # whatever a hostile one makes the library raise, nobody signed it
        signed = extract_compact(token.encode(), registry=registry)
        kid = signed.headers().get("kid")
        candidates = [key for key in keys if kid is None or key.get("kid") == kid]
        if any(_has_signed(key, signed, registry) for key in candidates):
            claims = json.loads(signed.payload)
            return claims if isinstance(claims, dict) else None
    return None


def _has_signed(key: Key, signed: CompactSignature, registry: JWSRegistry) -> bool:
    try:
        return validate_compact(signed, key, registry=registry)
    except Exception:  # a key of another kind, or for another use
        return False
