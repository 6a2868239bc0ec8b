"""Verification of a provider's id_token (OpenID Connect Core, section 3.1.3.7)."""

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from joserfc.errors import ClaimError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from joserfc.jwt import JWTClaimsRegistry

from auth.errors import InvalidProviderResponse
from auth.external.discovery import CACHE_S, ProviderMetadata
from auth.external.provider_client import ProviderClient
from auth.settings import TimeSource

_LEEWAY_S: Final = 60
"""Tolerated clock difference."""
_MAX_KEYS: Final = 100


class IdTokenVerifier:
    """For one issuer and one client. Signing keys are cached for an hour and fetched again for an unknown key."""

    def __init__(
        self, issuer: str, client_id: str, client: ProviderClient, clock: TimeSource, monotonic: TimeSource
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client = client
        self._clock = clock
        self._monotonic = monotonic
        self._keys: tuple[float, list[Key]] | None = None

    async def claims(self, token: object, nonce: str, metadata: ProviderMetadata) -> dict[str, Any]:
        """The verified claims. Raises InvalidProviderResponse for an invalid token, or ProviderUnavailable."""
        if not isinstance(token, str) or not token.isascii():
            raise InvalidProviderResponse("The provider returned no id_token.")
        claims = None
        if self._keys and self._monotonic() - self._keys[0] < CACHE_S:
            claims = _verified_claims(token, self._keys[1], metadata.algorithms)
        if claims is None:  # a new key, or a forged token
            claims = _verified_claims(token, await self._fetch_keys(metadata.jwks_uri), metadata.algorithms)
        if claims is None:
            raise InvalidProviderResponse("The id_token is not signed with a key of the provider.")
        self._validate(claims, nonce)
        return claims

    async def _fetch_keys(self, jwks_uri: str) -> list[Key]:
        now = self._monotonic()
        response = await self._client.get(jwks_uri)
        listed = response.raise_for_status().json_object().get("keys")
        keys = list(_usable_keys(listed[:_MAX_KEYS] if isinstance(listed, list) else []))
        self._keys = now, keys
        return keys

    def _validate(self, claims: dict[str, Any], nonce: str) -> None:
        registry = JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=_LEEWAY_S,
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
                f"The provider's id_token is invalid ({error.error}: {error.claim})."
            ) from None
        audience = claims["aud"]
        has_several = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if has_several else self._client_id) != self._client_id:
            raise InvalidProviderResponse("The provider's id_token was issued to another application.")


def _usable_keys(listed: Iterable[object]) -> Iterator[Key]:
    """The RSA and EC keys of a JWK set; keys of other types are ignored (RFC 7517, section 5)."""
    for value in listed:
        if isinstance(value, dict) and value.get("kty") in {"RSA", "EC"}:
            with contextlib.suppress(Exception):  # a malformed key can make the library raise anything
                yield JWKRegistry.import_key(value)


def _verified_claims(token: str, keys: Iterable[Key], algorithms: Collection[str]) -> dict[str, Any] | None:
    """The claims, if one of the keys signed the token."""
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    with contextlib.suppress(Exception):  # a malformed token can make the library raise anything
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
    except Exception:  # a key of another type or for another use
        return False
