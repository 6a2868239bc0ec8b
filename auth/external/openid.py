"""Providers that speak OpenID Connect: Google, Keycloak, and whoever else has a discovery document."""

from typing import Any

from auth.errors import AuthError, InvalidProviderResponse, SignInFailed
from auth.external import text
from auth.external.code_grant import CodeGrant, authorization_of
from auth.external.id_token import IdTokens
from auth.external.metadata import Discovery, Metadata
from auth.external.outbound import Outbound
from auth.external.person import Person
from auth.external.providers import Provider
from auth.settings import TimeSource


class OpenIdProvider:
    def __init__(self, provider: Provider, outbound: Outbound, clock: TimeSource, monotonic: TimeSource) -> None:
        self._provider = provider
        self._outbound = outbound
        self._discovery = Discovery(provider.issuer, outbound, monotonic)
        self._id_tokens = IdTokens(provider.issuer, provider.client_id, outbound, clock, monotonic)

    async def authorization_url(self, grant: CodeGrant, *, state: str, nonce: str) -> str:
        metadata = await self._discovery.metadata()
        return grant.authorization_url(metadata.authorization_endpoint, state=state, nonce=nonce)

    async def refuse_mix_up(self, issuer: str | None) -> None:
        metadata = await self._discovery.metadata()
        if issuer != self._provider.issuer and (issuer is not None or metadata.sends_issuer):
            raise SignInFailed(f"This answer does not come from {self._provider.title}, where you went to sign in.")

    async def person(self, grant: CodeGrant, *, code: str, nonce: str) -> Person:
        metadata = await self._discovery.metadata()
        token = await grant.token(self._outbound, metadata.token_endpoint, self._auth_method(metadata), code)
        claims = await self._id_tokens.claims(token.get("id_token"), nonce, metadata)
        subject = text.subject(claims["sub"])
        if not subject:
            raise InvalidProviderResponse("The provider calls who signed in something that is not allowed.")
        if not _username(claims):
            claims |= await self._userinfo(metadata, token, claims["sub"])
        return Person(self._provider.issuer, subject, _username(claims), text.address(claims.get("email")))

    def _auth_method(self, metadata: Metadata) -> str:
        """In the form where that is allowed: of Basic, servers disagree how special characters are written."""
        if not self._provider.client_secret:
            return "none"
        return "client_secret_post" if "client_secret_post" in metadata.auth_methods else "client_secret_basic"

    async def _userinfo(self, metadata: Metadata, token: dict[str, Any], subject: str) -> dict[str, Any]:
        """What else it tells; it is only a name, so nobody is kept out for lack of it."""
        authorization = authorization_of(token)
        if not metadata.userinfo_endpoint or not authorization:
            return {}
        try:
            reply = await self._outbound.get(metadata.userinfo_endpoint, Authorization=authorization)
            claims = reply.expected().mapping()
        except AuthError:
            return {}
        return claims if claims.get("sub") == subject else {}


def _username(claims: dict[str, Any]) -> str:
    email = text.address(claims.get("email"))
    return text.shown(claims.get("preferred_username")) or email.partition("@")[0]
