"""Sign-in with OpenID Connect providers such as Google and Keycloak."""

from typing import Any

from auth.errors import AuthError, InvalidProviderResponse, SignInFailed
from auth.external.claims import UserClaims, email_claim, printable_text, subject_claim
from auth.external.code_grant import CodeGrant, bearer_authorization
from auth.external.discovery import ProviderDiscovery, ProviderMetadata
from auth.external.id_token_verifier import IdTokenVerifier
from auth.external.provider_client import ProviderClient
from auth.external.providers import Provider
from auth.settings import TimeSource


class OpenIdConnectProvider:
    """Every method may raise ProviderUnavailable or InvalidProviderResponse."""

    def __init__(self, provider: Provider, client: ProviderClient, clock: TimeSource, monotonic: TimeSource) -> None:
        self._provider = provider
        self._client = client
        self._discovery = ProviderDiscovery(provider.issuer, client, monotonic)
        self._id_tokens = IdTokenVerifier(provider.issuer, provider.client_id, client, clock, monotonic)

    async def authorization_url(self, grant: CodeGrant, *, state: str, nonce: str) -> str:
        """URL of the provider's sign-in page."""
        metadata = await self._discovery.metadata()
        return grant.authorization_url(metadata.authorization_endpoint, state=state, nonce=nonce)

    async def check_issuer(self, issuer: str | None) -> None:
        """Raises SignInFailed if the ``iss`` of an authorization response is wrong or missing (mix-up attack)."""
        metadata = await self._discovery.metadata()
        if issuer != self._provider.issuer and (issuer is not None or metadata.sends_issuer):
            raise SignInFailed(f"This response does not come from {self._provider.title}. Sign in again.")

    async def fetch_claims(self, grant: CodeGrant, *, code: str, nonce: str) -> UserClaims:
        """Claims of the user who signed in. Raises SignInFailed for an expired or used code."""
        metadata = await self._discovery.metadata()
        token = await grant.fetch_token(self._client, metadata.token_endpoint, self._auth_method(metadata), code)
        claims = await self._id_tokens.claims(token.get("id_token"), nonce, metadata)
        subject = subject_claim(claims["sub"])
        if not subject:
            raise InvalidProviderResponse("The provider's id_token has an invalid sub claim.")
        if not _username(claims):
            claims |= await self._userinfo(metadata, token, claims["sub"])
        return UserClaims(self._provider.issuer, subject, _username(claims), email_claim(claims.get("email")))

    def _auth_method(self, metadata: ProviderMetadata) -> str:
        """``client_secret_post`` if supported: servers decode special characters in HTTP Basic differently."""
        if not self._provider.client_secret:
            return "none"
        return "client_secret_post" if "client_secret_post" in metadata.auth_methods else "client_secret_basic"

    async def _userinfo(self, metadata: ProviderMetadata, token: dict[str, Any], subject: str) -> dict[str, Any]:
        """Optional claims; a failure must not prevent the sign-in."""
        authorization = bearer_authorization(token)
        if not metadata.userinfo_endpoint or not authorization:
            return {}
        try:
            response = await self._client.get(metadata.userinfo_endpoint, Authorization=authorization)
            claims = response.raise_for_status().json_object()
        except AuthError:
            return {}
        return claims if claims.get("sub") == subject else {}


def _username(claims: dict[str, Any]) -> str:
    email = email_claim(claims.get("email"))
    return printable_text(claims.get("preferred_username")) or email.partition("@")[0]
