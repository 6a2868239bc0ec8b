"""OpenID Connect Discovery: the metadata of a provider."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Final

from auth.credentials.lifetimes import HOUR
from auth.errors import InvalidProviderResponse
from auth.external.provider_client import ProviderClient
from auth.external.providers import checked_url
from auth.settings import TimeSource

CACHE_S: Final = HOUR
_ALGORITHMS: Final = frozenset(f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512))
"""Asymmetric ones only: with HS256, anyone who knows a provider's public key could sign as the provider."""


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """Validated: the issuer matches, and every endpoint is as secure as the issuer."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    """Empty if there is none."""
    auth_methods: frozenset[str]
    algorithms: frozenset[str]
    sends_issuer: bool
    """Every authorization response has ``iss`` (RFC 9207)."""


class ProviderDiscovery:
    """Metadata of one issuer, cached for an hour. Concurrent callers share one request."""

    def __init__(self, issuer: str, client: ProviderClient, monotonic: TimeSource) -> None:
        self._issuer = issuer
        self._client = client
        self._monotonic = monotonic
        self._cached: tuple[float, ProviderMetadata] | None = None
        self._request: asyncio.Task[ProviderMetadata] | None = None

    async def metadata(self) -> ProviderMetadata:
        """Raises ProviderUnavailable or InvalidProviderResponse."""
        if self._cached and self._monotonic() - self._cached[0] < CACHE_S:
            return self._cached[1]
        if self._request is None or self._request.done():
            self._request = asyncio.create_task(self._fetch())
        return await asyncio.shield(self._request)

    async def _fetch(self) -> ProviderMetadata:
        now = self._monotonic()
        response = await self._client.get(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        metadata = _parse_metadata(response.raise_for_status().json_object(), self._issuer)
        self._cached = now, metadata
        return metadata


def _parse_metadata(document: dict[str, Any], issuer: str) -> ProviderMetadata:
    if document.get("issuer") != issuer:
        raise InvalidProviderResponse(f"The provider's discovery document has a different issuer than {issuer}.")
    algorithms = _ALGORITHMS & _strings(document, "id_token_signing_alg_values_supported", "RS256")
    if not algorithms:
        raise InvalidProviderResponse("The provider supports no asymmetric signature algorithm for id_tokens.")
    return ProviderMetadata(
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(document, "token_endpoint", issuer),
        jwks_uri=_endpoint(document, "jwks_uri", issuer),
        userinfo_endpoint=_endpoint(document, "userinfo_endpoint", issuer) if "userinfo_endpoint" in document else "",
        auth_methods=_strings(document, "token_endpoint_auth_methods_supported", "client_secret_basic"),
        algorithms=algorithms,
        sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: dict[str, Any], name: str, issuer: str) -> str:
    """An endpoint as secure as the issuer; it may have a query (RFC 6749, section 3.1)."""
    url = document.get(name)
    with contextlib.suppress(ValueError):
        if isinstance(url, str) and url.isascii() and url.isprintable():
            checked_url(url.partition("?")[0])
            if url.startswith("https:") or issuer.startswith("http:"):
                return url
    raise InvalidProviderResponse(f"The provider's discovery document has no valid {name}.")


def _strings(document: dict[str, Any], name: str, default: str) -> frozenset[str]:
    values = document.get(name)
    return frozenset(value for value in (values if isinstance(values, list) else [default]) if isinstance(value, str))
