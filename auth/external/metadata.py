"""What an OpenID Connect provider says of itself: its discovery document."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Final

from auth.credentials.lifetimes import HOUR
from auth.errors import InvalidProviderResponse
from auth.external.outbound import Outbound
from auth.external.providers import checked_url
from auth.settings import TimeSource

LIFE_S: Final = HOUR
ALGORITHMS: Final = frozenset(f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512))
"""Those whose keys may be known to all. With HS256 who knows a provider's public key could sign for it."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Checked: its issuer is the one asked, and all it points to is as safe as itself."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    """Empty where there is none."""
    auth_methods: frozenset[str]
    algorithms: frozenset[str]
    sends_issuer: bool
    """It says with each answer by browser whose it is (RFC 9207)."""


class Discovery:
    """The metadata of one issuer, asked for once an hour, and once for all who wait for it."""

    def __init__(self, issuer: str, outbound: Outbound, monotonic: TimeSource) -> None:
        self._issuer = issuer
        self._outbound = outbound
        self._monotonic = monotonic
        self._known: tuple[float, Metadata] | None = None
        self._asking: asyncio.Task[Metadata] | None = None

    async def metadata(self) -> Metadata:
        """Raises ProviderUnavailable or InvalidProviderResponse."""
        if self._known and self._monotonic() - self._known[0] < LIFE_S:
            return self._known[1]
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Metadata:
        now = self._monotonic()
        reply = await self._outbound.get(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        metadata = read_metadata(reply.expected().mapping(), self._issuer)
        self._known = now, metadata
        return metadata


def read_metadata(document: dict[str, Any], issuer: str) -> Metadata:
    """Raises InvalidProviderResponse with what is wrong."""
    if document.get("issuer") != issuer:
        raise InvalidProviderResponse(f"The provider's discovery document is another issuer's, not that of {issuer}.")
    algorithms = ALGORITHMS & _texts(document, "id_token_signing_alg_values_supported", "RS256")
    if not algorithms:
        raise InvalidProviderResponse("The provider signs in no way that can be checked with a public key.")
    return Metadata(
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(document, "token_endpoint", issuer),
        jwks_uri=_endpoint(document, "jwks_uri", issuer),
        userinfo_endpoint=_endpoint(document, "userinfo_endpoint", issuer) if "userinfo_endpoint" in document else "",
        auth_methods=_texts(document, "token_endpoint_auth_methods_supported", "client_secret_basic"),
        algorithms=algorithms,
        sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: dict[str, Any], name: str, issuer: str) -> str:
    """An address that is asked as safely as the issuer; it may have a query of its own (RFC 6749, 3.1)."""
    url = document.get(name)
    with contextlib.suppress(ValueError):
        if isinstance(url, str) and url.isascii() and url.isprintable():
            checked_url(url.partition("?")[0])
            if url.startswith("https:") or issuer.startswith("http:"):
                return url
    raise InvalidProviderResponse(f"The provider's discovery document has no {name} that can be used.")


def _texts(document: dict[str, Any], name: str, default: str) -> frozenset[str]:
    values = document.get(name)
    return frozenset(filter(_is_text, values if isinstance(values, list) else [default]))


def _is_text(value: object) -> bool:
    return isinstance(value, str)
